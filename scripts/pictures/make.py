"""Writes picture files of many kinds with Pillow and tifffile, and beside each NAME the values
that an independent reader finds in it, as NAME.npy (float32, upright, alpha laid on black).

    python make.py OUT

Needs pillow, tifffile, imagecodecs and numpy.
"""

import pathlib
import struct
import sys

import numpy as np
import tifffile
from PIL import Image, ImageOps

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(19)


def picture(height, width, channels, bits=8):
    """A smooth picture with edges and some noise."""
    y, x = np.mgrid[0:height, 0:width]
    layers = []
    for channel in range(channels):
        wave = np.sin(x / (5 + channel)) + np.cos(y / (7 - channel)) + (x * y) / (height * width)
        wave = (wave - wave.min()) / max(wave.max() - wave.min(), 1e-9) * 0.9
        wave[(y - height / 2) ** 2 + (x - width / 3) ** 2 < (height / 5) ** 2] = 0.95
        layers.append(np.clip(wave + rng.normal(0, 0.01, wave.shape), 0, 1))
    values = np.stack(layers, -1) * (2**bits - 1)
    values = np.round(values).astype(np.uint8 if bits <= 8 else np.uint16)
    return values[..., 0] if channels == 1 else values


def on_black(values, most=255):
    colour, alpha = values[..., :-1].astype(np.int64), values[..., -1:].astype(np.int64)
    laid = (2 * colour * alpha + most) // (2 * most)
    return laid[..., 0] if laid.shape[-1] == 1 else laid


def keep(name, values):
    np.save(out / f"{name}.npy", np.asarray(values).astype(np.float32))


def by_pillow(name):
    """What Pillow reads, upright, without alpha."""
    image = ImageOps.exif_transpose(Image.open(out / name))
    if image.mode == "1":
        image = image.convert("L")
    if image.mode in ("L", "RGB") and "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode in ("LA", "RGBA"):
        return on_black(np.asarray(image))
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.float32)
    return np.asarray(image if image.mode in ("L", "F") else image.convert("RGB"))


def pillow(name, image, **options):
    image.save(out / name, **options)
    keep(name, by_pillow(name))


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block


def png():
    for size in [(1, 1), (7, 5), (64, 97)]:
        tag = f"{size[0]}x{size[1]}"
        grey, colour = picture(*size, 1), picture(*size, 3)
        pillow(f"grey8-{tag}.png", Image.fromarray(grey))
        pillow(f"rgb8-{tag}.png", Image.fromarray(colour))
        pillow(f"grey16-{tag}.png", Image.fromarray(picture(*size, 1, 16)))
        pillow(f"grey1-{tag}.png", Image.fromarray(grey).convert("1"))
        pillow(f"la8-{tag}.png", Image.fromarray(picture(*size, 2), "LA"))
        pillow(f"rgba8-{tag}.png", Image.fromarray(picture(*size, 4), "RGBA"))
        for bits in (1, 2, 4, 8):
            indexed = Image.fromarray(colour).quantize(2**bits)
            pillow(f"palette{bits}-{tag}.png", indexed, bits=bits)
            pillow(f"palette{bits}-clear-{tag}.png", indexed, bits=bits, transparency=1)
        pillow(f"clear-{tag}.png", Image.fromarray(colour), transparency=tuple(map(int, colour[0, 0])))
        for bits in (2, 4):
            by_hand_png(f"grey{bits}-{tag}.png", picture(*size, 1) >> (8 - bits), bits)
        for channels, name in [(3, "rgb16"), (2, "la16"), (4, "rgba16")]:
            values = picture(*size, channels, 16)
            sixteen_bit_png(f"{name}-{tag}.png", values)
    for orientation in range(1, 9):
        pillow(f"exif{orientation}.png", Image.fromarray(picture(20, 30, 3)), exif=exif(orientation))
    for bits, channels in [(8, 1), (8, 3), (8, 4), (16, 1), (16, 3)]:
        interlaced(f"adam7-{bits}-{channels}.png", picture(33, 45, channels, bits), bits)


def chunk(kind, data):
    import zlib

    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_file(width, height, bits, colour, raw, interlace=0):
    import zlib

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def by_hand_png(name, values, bits):
    rows = []
    for row in values:
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(b"\0" + int(text, 2).to_bytes(len(text) // 8, "big"))
    (out / name).write_bytes(png_file(values.shape[1], values.shape[0], bits, 0, b"".join(rows)))
    keep(name, by_pillow(name))


def sixteen_bit_png(name, values):
    colour = {2: 4, 3: 2, 4: 6}[values.shape[2]]
    raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    (out / name).write_bytes(png_file(values.shape[1], values.shape[0], 16, colour, raw))
    keep(name, values if values.shape[2] == 3 else on_black(values, 65535))


def interlaced(name, values, bits):
    colour = 0 if values.ndim == 2 else {3: 2, 4: 6}[values.shape[2]]
    raw = b""
    for y, x, step_y, step_x in [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4),
                                 (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]:
        for row in values[y::step_y, x::step_x]:
            raw += b"\0" + row.astype(">u2" if bits == 16 else np.uint8).tobytes()
    (out / name).write_bytes(png_file(values.shape[1], values.shape[0], bits, colour, raw, 1))
    keep(name, on_black(values) if values.ndim == 3 and values.shape[2] == 4 else values)


def jpeg():
    for size in [(1, 1), (8, 8), (17, 33), (120, 161), (200, 256)]:
        tag = f"{size[0]}x{size[1]}"
        grey, colour = Image.fromarray(picture(*size, 1)), Image.fromarray(picture(*size, 3))
        for progressive in (False, True):
            kind = "prog" if progressive else "base"
            for quality in (50, 90, 100):
                options = dict(quality=quality, progressive=progressive)
                pillow(f"grey-{kind}-q{quality}-{tag}.jpg", grey, **options)
                for sub in ("4:4:4", "4:2:2", "4:2:0", "4:1:1"):
                    name = f"rgb-{kind}-q{quality}-{sub.replace(':', '')}-{tag}.jpg"
                    pillow(name, colour, subsampling=sub, **options)
        pillow(f"restart-{tag}.jpg", colour, restart_marker_blocks=1)
        pillow(f"keep-rgb-{tag}.jpg", colour, keep_rgb=True, quality=95)
        cmyk = f"cmyk-{tag}.jpg"
        colour.convert("CMYK").save(out / cmyk)
        (out / f"{cmyk}.refused").write_text("CMYK")
    for orientation in range(1, 9):
        pillow(f"exif{orientation}.jpg", Image.fromarray(picture(20, 30, 3)), exif=exif(orientation))


def tiff():
    size = (61, 83)
    arrays = {
        "u8": picture(*size, 1), "u16": picture(*size, 1, 16), "rgb8": picture(*size, 3),
        "rgb16": picture(*size, 3, 16), "f32": picture(*size, 1).astype(np.float32) / 7 - 3,
        "f16": picture(*size, 1).astype(np.float16), "f64": picture(*size, 1).astype(np.float64),
        "i8": (picture(*size, 1).astype(np.int16) - 128).astype(np.int8),
        "i16": picture(*size, 1, 16).astype(np.int32).__sub__(32768).astype(np.int16),
        "i32": picture(*size, 1, 16).astype(np.int32) * 100 - 3000000,
        "u32": picture(*size, 1, 16).astype(np.uint32) * 100,
    }
    for kind, values in arrays.items():
        for method in (None, "lzw", "zlib", "packbits"):
            for predictor in (False, True):
                if predictor and method in (None, "packbits") or kind == "f64" and predictor:
                    continue
                for order in "<>":
                    for layout in ({}, {"tile": (32, 48)}, {"rowsperstrip": 7}, {"bigtiff": True}):
                        label = "-".join(layout) or "strip"
                        ends = "le" if order == "<" else "be"
                        name = f"{kind}-{method}-{'p' if predictor else 'n'}-{ends}-{label}.tif"
                        tifffile.imwrite(
                            out / name, values, compression=method, predictor=predictor,
                            byteorder=order, photometric="rgb" if values.ndim == 3 else "minisblack",
                            **({"rowsperstrip": 16} | layout if "tile" not in layout else layout))
                        keep(name, tifffile.imread(out / name))
    for kind in ("rgb8", "rgb16"):
        for method in (None, "lzw"):
            planes = np.moveaxis(arrays[kind], -1, 0)
            name = f"{kind}-planes-{method}.tif"
            tifffile.imwrite(out / name, planes, photometric="rgb", planarconfig="separate",
                             compression=method)
            keep(name, arrays[kind])
    pages = np.stack([picture(*size, 1, 16) for _ in range(4)])
    tifffile.imwrite(out / "pages.tif", pages, photometric="minisblack")
    keep("pages.tif", pages[0])
    tifffile.imwrite(out / "imagej.tif", pages, imagej=True)
    keep("imagej.tif", pages[0])
    for bits, dtype in (("u8", np.uint8), ("u16", np.uint16)):
        name = f"white-{bits}.tif"
        tifffile.imwrite(out / name, arrays[bits], photometric="miniswhite")
        keep(name, np.iinfo(dtype).max - arrays[bits])
    for bits in (10, 12, 14):
        name = f"packed{bits}.tif"
        tifffile.imwrite(out / name, picture(*size, 1, bits), bitspersample=bits,
                         photometric="minisblack", compression=None)
        keep(name, tifffile.imread(out / name))
    for kind, extra in (("unassalpha", None), ("assocalpha", None)):
        for most, bits in ((255, 8), (65535, 16)):
            values = picture(*size, 4, bits)
            name = f"{kind}-{bits}.tif"
            tifffile.imwrite(out / name, values, photometric="rgb", extrasamples=[kind])
            keep(name, on_black(values, most) if kind == "unassalpha" else values[..., :3])
    grey, colour = Image.fromarray(arrays["u8"]), Image.fromarray(arrays["rgb8"])
    for method in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        pillow(f"bilevel-{method}.tif", grey.convert("1"), compression=method)
        pillow(f"palette-{method}.tif", colour.quantize(50), compression=method)
        pillow(f"rgba-{method}.tif", Image.fromarray(picture(*size, 4), "RGBA"), compression=method)
    for orientation in range(1, 9):
        pillow(f"exif{orientation}.tif", colour, tiffinfo={274: orientation})
    pillow("jpeg-rgb.tif", colour, compression="jpeg", quality=90)
    pillow("jpeg-grey.tif", grey, compression="jpeg", quality=90)
    tifffile.imwrite(out / "jpeg-ycc.tif", arrays["rgb8"], photometric="rgb", compression="jpeg",
                     tile=(48, 48))
    keep("jpeg-ycc.tif", tifffile.imread(out / "jpeg-ycc.tif"))
    refused = {"zstd": dict(compression="zstd"), "lerc": dict(compression="lerc")}
    for name, options in refused.items():
        tifffile.imwrite(out / f"{name}.tif", arrays["u8"], **options)
        (out / f"{name}.tif.refused").write_text("compression")
    for name, mode in (("cmyk", "CMYK"), ("lab", "LAB"), ("ycbcr", "YCbCr")):
        colour.convert("RGB").save(out / "x.tif") if mode == "LAB" else colour.convert(mode).save(
            out / f"{name}.tif")
        (out / f"{name}.tif.refused").write_text(mode) if (out / f"{name}.tif").exists() else None
    (out / "x.tif").unlink(missing_ok=True)
    grey.convert("1").save(out / "fax.tif", compression="group4")
    (out / "fax.tif.refused").write_text("fax")


def others():
    for size in [(1, 1), (7, 5), (64, 97)]:
        tag = f"{size[0]}x{size[1]}"
        grey, colour = picture(*size, 1), picture(*size, 3)
        pillow(f"grey-{tag}.bmp", Image.fromarray(grey))
        pillow(f"rgb-{tag}.bmp", Image.fromarray(colour))
        pillow(f"one-{tag}.bmp", Image.fromarray(grey).convert("1"))
        pillow(f"palette-{tag}.bmp", Image.fromarray(colour).quantize(60))
        pillow(f"rgba-{tag}.bmp", Image.fromarray(picture(*size, 4), "RGBA"))
        pillow(f"grey-{tag}.gif", Image.fromarray(grey))
        pillow(f"palette-{tag}.gif", Image.fromarray(colour).quantize(60))
        pillow(f"interlaced-{tag}.gif", Image.fromarray(colour).quantize(60), interlace=True)
        pillow(f"clear-{tag}.gif", Image.fromarray(colour).quantize(60), transparency=2)
        for lossless in (True, False):
            kind = "lossless" if lossless else "lossy"
            for quality in (50, 95):
                options = dict(lossless=lossless, quality=quality)
                pillow(f"rgb-{kind}-{quality}-{tag}.webp", Image.fromarray(colour), **options)
                rgba = Image.fromarray(picture(*size, 4), "RGBA")
                pillow(f"rgba-{kind}-{quality}-{tag}.webp", rgba, exact=True, **options)
    for orientation in range(1, 9):
        colour = Image.fromarray(picture(20, 30, 3))
        pillow(f"exif{orientation}.webp", colour, lossless=True, exif=exif(orientation))
    frames = [Image.fromarray(picture(20, 30, 3)) for _ in range(3)]
    pillow("film.webp", frames[0], save_all=True, append_images=frames[1:], lossless=True)
    pillow("film.gif", frames[0], save_all=True, append_images=frames[1:])
    pillow("film.png", frames[0], save_all=True, append_images=frames[1:])


for kind in (png, jpeg, tiff, others):
    kind()
print(len(list(out.glob("*.npy"))), "files to be read,", len(list(out.glob("*.refused"))), "refused")
