//! What the OME-XML of a TIFF says of its pixels.
//!
//! Of the schema (OME 2016-06) only `Pixels`, `Channel`, `TiffData` and `UUID` of the first image are read.

/// The first image of an OME-XML text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ome {
    /// µm per pixel along x and y, if both are given.
    pub(super) pixel_um: Option<[f64; 2]>,
    /// The channels' names, empty where there is none.
    pub(super) channels: Vec<String>,
    /// Where each channel's plane is: the middle one in z, the first one in time.
    pub(super) planes: Vec<Plane>,
}

/// Where a plane is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plane {
    /// The file, by its name; `None` for the one that holds the text.
    pub(super) file: Option<String>,
    /// The image file directory in it.
    pub(super) directory: usize,
}

impl Ome {
    /// Reads `text`; `None` where it holds no `Pixels`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let image = &text[text.find("<Pixels")?..];
        let image = &image[..image.find("</Pixels>").unwrap_or(image.len())];
        let pixels = tags(image, "Pixels").next()?;
        let size = |name: &str| attribute(pixels, name).and_then(|size| size.parse::<usize>().ok()).unwrap_or(1).max(1);
        let um = |axis: &str| {
            let size: f64 = attribute(pixels, &format!("PhysicalSize{axis}"))?.parse().ok()?;
            let unit = attribute(pixels, &format!("PhysicalSize{axis}Unit"));
            let um = match unit.as_deref() {
                None | Some("µm" | "\u{3bc}m" | "um" | "&#181;m" | "&#xb5;m" | "&#xB5;m") => size,
                Some("nm") => size / 1000.0,
                Some("mm") => size * 1000.0,
                Some("cm") => size * 10_000.0,
                Some(_) => return None,
            };
            (um.is_finite() && um > 0.0).then_some(um)
        };
        let named = |tag| attribute(tag, "Name").unwrap_or_default();
        let channels: Vec<String> = tags(image, "Channel").map(named).collect();
        let order = attribute(pixels, "DimensionOrder").unwrap_or_else(|| "XYCZT".to_owned());
        // Samples of one plane, such as RGB, are one channel with several samples, and SizeC counts the samples.
        let samples: usize = tags(image, "Channel")
            .filter_map(|tag| attribute(tag, "SamplesPerPixel")?.parse::<usize>().ok())
            .max()
            .unwrap_or(1);
        let [c, z, t] = [size("SizeC") / samples.max(1), size("SizeZ"), size("SizeT")].map(|size| size.max(1));
        let held = Held::of(image);
        let wanted = |channel| held.plane(&order, [c, z, t], [channel, z / 2, 0]);
        Some(Ome {
            pixel_um: um("X").zip(um("Y")).map(<[f64; 2]>::from),
            channels,
            planes: (0..c.min(MOST_CHANNELS)).map(wanted).collect(),
        })
    }
}

/// No instrument has more; a text that says so is broken.
const MOST_CHANNELS: usize = 1024;

/// The `TiffData` of an image.
struct Held(Vec<Block>);

/// One of them: planes that follow each other from a directory of a file on.
struct Block {
    first: [usize; 3],
    directory: usize,
    planes: Option<usize>,
    file: Option<String>,
}

impl Held {
    fn of(image: &str) -> Self {
        let one = |part: &str| {
            let number = |name| attribute(part, name).and_then(|value| value.parse::<usize>().ok());
            let inside = part.find("</TiffData>").map_or("", |end| &part[..end]);
            Block {
                first: ["FirstC", "FirstZ", "FirstT"].map(|name| number(name).unwrap_or(0)),
                directory: number("IFD").unwrap_or(0),
                planes: number("PlaneCount"),
                file: tags(inside, "UUID").find_map(|tag| attribute(tag, "FileName")),
            }
        };
        Held(image.split("<TiffData").skip(1).map(one).collect())
    }

    /// The plane `at` (c, z, t) of an image of `sizes` (c, z, t) in this order of dimensions.
    fn plane(&self, order: &str, sizes: [usize; 3], at: [usize; 3]) -> Plane {
        let number = |at: [usize; 3]| {
            let axes = order.chars().skip(2).filter_map(|axis| "CZT".find(axis));
            axes.fold((0, 1), |(sum, step), axis| (sum + at[axis] * step, step * sizes[axis])).0
        };
        let wanted = number(at);
        let holds = |block: &&Block| {
            let first = number(block.first);
            // A block that does not say how many planes it has and where has one; one that says nothing at all has all.
            let planes = block.planes.unwrap_or(if self.0.len() > 1 { 1 } else { usize::MAX });
            first <= wanted && wanted - first < planes
        };
        match self.0.iter().find(holds) {
            Some(block) => {
                Plane { file: block.file.clone(), directory: block.directory + wanted - number(block.first) }
            }
            None => Plane { file: None, directory: wanted },
        }
    }
}

/// The opening tags of this name, from behind the name to the bracket that closes them.
fn tags<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let parts = text.split('<').filter_map(move |part| part.strip_prefix(name));
    let whole = parts.filter(|part| !part.starts_with(|c: char| c.is_alphanumeric()));
    whole.map(|part| &part[..part.find('>').unwrap_or(part.len())])
}

/// An attribute of a tag, with the five entities of XML written out.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = &tag[..tag.find('>').unwrap_or(tag.len())];
    let found = tag.match_indices(name).find_map(|(at, _)| {
        let before = tag[..at].chars().next_back().is_none_or(char::is_whitespace);
        let value = tag[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let value = &value[1..];
        before.then(|| &value[..value.find(quote).unwrap_or(value.len())])
    })?;
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(entities.iter().fold(found.to_owned(), |text, (from, to)| text.replace(from, to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_names_and_planes() {
        let text = r#"<OME><Image ID="Image:0" Name="a"><Pixels ID="P" DimensionOrder="XYZCT" Type="uint16" SizeX="9" SizeY="9"
            SizeC="2" SizeZ="3" SizeT="1" PhysicalSizeX="212.5" PhysicalSizeXUnit="nm" PhysicalSizeY="0.25">
            <Channel ID="Channel:0:0" Name="A &amp; B" SamplesPerPixel="1"/><Channel ID="Channel:0:1"></Channel>
            <TiffData IFD="0" PlaneCount="6"/></Pixels></Image><Image><Pixels SizeX="1"/></Image></OME>"#;
        let ome = Ome::parse(text).expect("it has pixels");
        assert_eq!(ome.pixel_um, Some([0.2125, 0.25]));
        assert_eq!(ome.channels, ["A & B", ""]);
        let directories: Vec<usize> = ome.planes.iter().map(|plane| plane.directory).collect();
        assert_eq!(directories, [1, 4]);
        assert_eq!(Ome::parse("<OME/>"), None);
    }

    #[test]
    fn planes_in_other_files() {
        let block = |c: usize| {
            format!(
                r#"<TiffData IFD="0" FirstC="{c}" FirstZ="0" FirstT="0" PlaneCount="1"><UUID FileName="focus_000{c}.ome.tif">urn:uuid:1</UUID></TiffData>"#
            )
        };
        let text = format!(
            r#"<Pixels DimensionOrder="XYCZT" SizeC="2" SizeZ="1" SizeT="1">{}{}</Pixels>"#,
            block(0),
            block(1)
        );
        let planes = Ome::parse(&text).expect("it has pixels").planes;
        assert_eq!(planes[1], Plane { file: Some("focus_0001.ome.tif".to_owned()), directory: 0 });
    }

    #[test]
    fn colour_is_one_plane() {
        let text = r#"<Pixels DimensionOrder="XYCZT" SizeC="3" SizeZ="1" SizeT="1"><Channel SamplesPerPixel="3"/><TiffData/></Pixels>"#;
        assert_eq!(Ome::parse(text).expect("it has pixels").planes.len(), 1);
    }
}
