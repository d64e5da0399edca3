"""Writes an image of many formats into a folder, and what is seen in each as .npy: [rows, columns] or [rows, columns, 3].

Prints, for each file, the option that tells its scale: none where the file does.
"""
import io, json, sys, zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

folder = Path(sys.argv[1])
UM = 0.85
rng = np.random.default_rng(5)
H, W = 420, 600
y, x = np.mgrid[:H, :W]
image = 20 + 60 * np.exp(-((x - 350) ** 2 + (y - 200) ** 2) / 15000)
for _ in range(700):
    cy, cx, r = rng.uniform(0, H), rng.uniform(0, W), rng.uniform(3, 7)
    image += rng.uniform(30, 120) * np.exp(-(((x - cx) ** 2 + (y - cy) ** 2) / r**2) ** 2)
grey = image.clip(0, 255).astype(np.uint8)
deep = (image * 150).clip(0, 65535).astype(np.uint16)
told = {}


def saved(name, seen, transform=False):
    np.save(folder / f"{name}.npy", seen)
    told[name] = transform


def halves(a):
    return a[: a.shape[0] // 2 * 2, : a.shape[1] // 2 * 2].reshape(a.shape[0] // 2, 2, a.shape[1] // 2, 2).mean((1, 3)).astype(a.dtype)


ome = dict(axes="YX", PhysicalSizeX=UM, PhysicalSizeXUnit="µm", PhysicalSizeY=UM * 1000, PhysicalSizeYUnit="nm")
tifffile.imwrite(folder / "tiles.ome.tif", deep, tile=(128, 96), compression="zlib", predictor=True, metadata=ome)
saved("tiles.ome.tif", deep)
tifffile.imwrite(folder / "big.ome.tif", deep, bigtiff=True, byteorder=">", tile=(64, 64), metadata=ome)
saved("big.ome.tif", deep)
tifffile.imwrite(folder / "strips.tif", grey, rowsperstrip=37)
saved("strips.tif", grey, True)
tifffile.imwrite(folder / "centimetres.tif", grey, resolution=(1e4 / UM, 1e4 / UM), resolutionunit="CENTIMETER")
saved("centimetres.tif", grey)

# A pyramid below a fine image: its pixels of the scale of features are those of the second level.
fine = np.kron(deep, np.ones((4, 4), np.uint16))
level = halves(halves(fine))
fine_ome = dict(ome, PhysicalSizeX=UM / 4, PhysicalSizeY=UM * 250)
with tifffile.TiffWriter(folder / "pyramid.ome.tif", ome=True) as tiff:
    tiff.write(fine, subifds=2, tile=(256, 256), compression="zlib", metadata=fine_ome)
    tiff.write(halves(fine), subfiletype=1, tile=(256, 256), compression="zlib")
    tiff.write(level, subfiletype=1, tile=(256, 256), compression="zlib")
saved("pyramid.ome.tif", level)
tifffile.imwrite(folder / "fine.ome.tif", fine, tile=(256, 256), compression="zlib", metadata=fine_ome)
saved("fine.ome.tif", deep)

Image.fromarray(grey).save(folder / "lzw.tif", compression="tiff_lzw")
saved("lzw.tif", grey, True)
Image.fromarray(grey).save(folder / "grey.png")
saved("grey.png", grey, True)
Image.fromarray(grey).save(folder / "grey.jpg", quality=90)
saved("grey.jpg", np.asarray(Image.open(folder / "grey.jpg")), True)

# Haematoxylin in nuclei, eosin around them, on white.
h, e = np.array([0.65, 0.70, 0.29]), np.array([0.07, 0.99, 0.11])
h, e = h / np.linalg.norm(h), e / np.linalg.norm(e)
stains = np.stack([image / 400, 0.25 * (image < 60)], -1)
colour = (256 * 10 ** -(stains @ np.stack([h, e])) - 1).clip(0, 255).round().astype(np.uint8)
Image.fromarray(colour).save(folder / "he.png")
saved("he.png", colour, True)
Image.fromarray(colour).save(folder / "he_jpeg.tif", compression="jpeg", quality=95)
saved("he_jpeg.tif", np.asarray(Image.open(folder / "he_jpeg.tif")), True)

# Tiles of JPEG 2000 as Xenium has them.
def codestream(tile):
    held = io.BytesIO()
    Image.fromarray(tile).save(held, format="JPEG2000", no_jp2=True, irreversible=False)
    return held.getvalue()


padded = np.zeros((512, 768), np.uint16)
padded[:H, :W] = deep
tiles = (codestream(padded[r : r + 256, c : c + 256]) for r in range(0, 512, 256) for c in range(0, 768, 256))
# tifffile takes encoded tiles of compressions alone that it could encode itself.
tifffile.imwrite(folder / "jpeg2000.ome.tif", tiles, shape=(H, W), dtype=np.uint16, tile=(256, 256), compression="zlib", metadata=ome)
with tifffile.TiffFile(folder / "jpeg2000.ome.tif", mode="r+") as tiff:
    tiff.pages[0].tags["Compression"].overwrite(34712)
saved("jpeg2000.ome.tif", deep)

# One channel a file, as Xenium's analyser writes from version 2 on: the text of the second names both.
channels = "".join(f'<Channel ID="Channel:0:{c}" Name="{n}" SamplesPerPixel="1"/>' for c, n in enumerate(["DAPI", "18S"]))
data = "".join(f'<TiffData FirstC="{c}" FirstT="0" FirstZ="0" IFD="0" PlaneCount="1"><UUID FileName="focus_000{c}.ome.tif">urn:uuid:{c}</UUID></TiffData>' for c in range(2))
text = f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="{W}" SizeY="{H}" SizeC="2" SizeZ="1" SizeT="1" PhysicalSizeX="{UM}" PhysicalSizeY="{UM}">{channels}{data}</Pixels></Image></OME>'
tifffile.imwrite(folder / "focus_0001.ome.tif", deep, description=text.encode(), metadata=None)
saved("focus_0001.ome.tif", deep)
(folder / "scale.csv").write_text(f"{UM},0,0\n0,{UM},0\n")

# 40,000 × 40,000 pixels, of which every tile is the same.
if len(sys.argv) > 2:
    side, tile = 40_000, np.kron(np.arange(64, dtype=np.uint8).reshape(8, 8) * 3, np.ones((64, 64), np.uint8))
    one = zlib.compress(tile.tobytes(), 1)
    count = (-(-side // 512)) ** 2
    large = dict(ome, PhysicalSizeX=0.2125, PhysicalSizeY=212.5)
    tifffile.imwrite(folder / "large.ome.tif", (one for _ in range(count)), shape=(side, side), dtype=np.uint8, tile=(512, 512), compression="zlib", metadata=large)
print(json.dumps(told))
