#!/usr/bin/env bash
# The images, on a base of this host's own release: built, and their programs run.
source "$HERE/common.sh"
cd "$ROOT"

# Packed without compression, which would take most of the time.
fast="-all-root -noI -noD -noF -noX"
apptainer build --force --mksquashfs-args "$fast" "$WORK/base.sif" "$ENGINES/base"
# The user namespace is for the script of the definition.
unshare -r apptainer build --force --mksquashfs-args "$fast" --build-arg BOOTSTRAP=localimage \
  --build-arg BASE="$WORK/base.sif" "$IMAGE.part" containers/s2s.def
mv "$IMAGE.part" "$IMAGE"
apptainer test "$IMAGE"
apptainer exec "$IMAGE" bash -c 's2s-fit --version && ps >/dev/null'

export STORAGE_DRIVER=vfs
build=(buildah --root "$WORK/images" --runroot "$WORK/images-run")
tree=$("${build[@]}" from scratch)
"${build[@]}" add --quiet "$tree" "$ENGINES/base" /
"${build[@]}" commit --quiet "$tree" localhost/base
"${build[@]}" bud --isolation=chroot --network=host --build-arg BASE=localhost/base --target prebuilt \
  --file containers/Containerfile --tag s2s .
made=$("${build[@]}" from localhost/s2s)
"${build[@]}" run --isolation=chroot "$made" -- \
  bash -c 'test "$(id -u)" != 0 && for stage in simulate prep fit predict score; do s2s-$stage --version; done && ps' >"$WORK/inside.log"
expect "$WORK/inside.log" "s2s-prep $(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)"
"${build[@]}" inspect --type image localhost/s2s >"$WORK/labels.json"
expect "$WORK/labels.json" org.opencontainers.image.licenses

# The way that compiles, without the half hour: a cargo that only writes the programs it was asked for.
cargo=$WORK/cargo
cat >"$cargo" <<'CARGO'
#!/bin/sh
test "$*" = "build --release --locked --bins --features cuda" && ls Cargo.toml Cargo.lock src/lib.rs benches vendor >/dev/null || exit 1
mkdir -p target/release
for stage in simulate prep fit predict score; do printf '#!/bin/sh\necho compiled\n' >target/release/s2s-$stage; done
chmod +x target/release/s2s-*
CARGO
chmod +x "$cargo"
tree=$("${build[@]}" from localhost/base)
"${build[@]}" copy --quiet "$tree" "$cargo" /usr/local/bin/
"${build[@]}" commit --quiet "$tree" localhost/builder
"${build[@]}" bud --isolation=chroot --network=host --build-arg BASE=localhost/base --build-arg BUILDER=localhost/builder \
  --build-arg FEATURES=cuda --file containers/Containerfile --tag s2s:cuda .
made=$("${build[@]}" from localhost/s2s:cuda)
"${build[@]}" run --isolation=chroot "$made" -- s2s-fit >"$WORK/compiled.log"
expect "$WORK/compiled.log" compiled
"${build[@]}" rm --all >/dev/null
