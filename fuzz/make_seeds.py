#!/usr/bin/env python3
"""Writes the seed corpus of the fuzz targets: small valid inputs of every kind, and a few broken ones.

Needs Python 3 alone. The output is the same on every run; it is committed, so that fuzzing needs no Python.
"""

import io
import json
import pickle
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

SEEDS = Path(__file__).parent / "seeds"


def write(target, name, content):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


# Masks: a square of 4 by 4 pixels in a frame of 8 by 10, in the forms of COCO.
SIZE = [8, 10]
COUNTS = [18, 4, 4, 4, 4, 4, 4, 4, 34]


def compressed(counts):
    text = ""
    for index, count in enumerate(counts):
        value = count - counts[index - 2] if index > 2 else count
        more = True
        while more:
            digit = value & 0x1F
            value >>= 5
            more = value != -1 if digit & 0x10 else value != 0
            text += chr((digit | 0x20 if more else digit) + 48)
    return text


RLE = {"size": SIZE, "counts": compressed(COUNTS)}
RLE_LIST = {"size": SIZE, "counts": COUNTS}
POLYGON = [[2.0, 2.0, 6.0, 2.0, 6.0, 6.0, 2.0, 6.0]]
BOX = [2, 2, 4, 4]
CATEGORIES = [{"id": 1, "name": "person"}, {"id": 7, "name": "giant_panda"}]


def ytvis(segmentations, **more):
    video = {"id": 1, "height": 8, "width": 10, "length": 2, "file_names": ["a/0.jpg", "a/1.jpg"]}
    annotation = {
        "id": 1,
        "video_id": 1,
        "category_id": 7,
        "iscrowd": 0,
        "segmentations": segmentations,
        "bboxes": [BOX if mask else None for mask in segmentations],
        "areas": [16 if mask else None for mask in segmentations],
        **more,
    }
    return {"videos": [video], "annotations": [annotation], "categories": CATEGORIES}


def coco(segmentation, **more):
    image = {"id": 1, "height": 8, "width": 10, "file_name": "0.jpg"}
    annotation = {
        "id": 1,
        "image_id": 1,
        "category_id": 7,
        "iscrowd": 0,
        "segmentation": segmentation,
        "bbox": BOX,
        "area": 16,
        **more,
    }
    return {"images": [image], "annotations": [annotation], "categories": CATEGORIES}


def annotations():
    for name, mask in {"compressed": RLE, "counts": RLE_LIST, "polygon": POLYGON}.items():
        write("annotations", f"ytvis_{name}.json", json.dumps(ytvis([mask, None])))
        write("annotations", f"coco_{name}.json", json.dumps(coco(mask)))
    write("annotations", "coco_crowd.json", json.dumps(coco(RLE_LIST, iscrowd=1)))
    write("annotations", "no_annotations.json", json.dumps({**ytvis([None]), "annotations": None}))
    write("annotations", "cut.json", json.dumps(coco(POLYGON))[:-40])
    write("annotations", "point.json", json.dumps(coco([[1e300, -1, 1, 2, 3, 3]])))


def results():
    SEEDS.mkdir(exist_ok=True)
    truths = {"ytvis": ytvis([RLE, None]), "coco": coco(POLYGON)}
    for name, truth in truths.items():
        (SEEDS / f"truth_{name}.json").write_text(json.dumps(truth) + "\n")
    track = {"video_id": 1, "score": 0.9, "category_id": 7, "segmentations": [RLE, None]}
    found = {"image_id": 1, "score": 0.9, "category_id": 7, "bbox": BOX, "segmentation": RLE}
    lists = {"ytvis": [track], "coco": [found]}
    for kind, entries in lists.items():
        target, truth = f"{kind}_results", json.dumps(truths[kind])
        text = json.dumps(entries)
        write(target, "one.json", text)
        write(target, "two.json", json.dumps([*entries, {**entries[0], "score": 0.5}]))
        write(target, "indented.json", json.dumps(entries, indent=1))
        write(target, "empty.json", "[]")
        write(target, "with_truth.txt", f"{truth}\n===\n{text}")
        write(target, "unknown_category.json", json.dumps([{**entries[0], "category_id": 99}]))
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(zipfile.ZipInfo("results.json"), text)
        write(target, "archive.zip", archive.getvalue())
    write("coco_results", "box_only.json", json.dumps([{k: found[k] for k in list(found)[:4]}]))
    for kind, entry in (("video", track), ("image", found)):
        header, part = '{"run":"a run"}\n', f'{{"{kind}_id": 1, "results": [{json.dumps(entry)}]}}\n'
        write("results_journal", f"{kind}.txt", header + part)
        write("results_journal", f"{kind}_cut.txt", header + part + part[:30])
        write("results_journal", f"{kind}_empty.txt", f'{header}{{"{kind}_id": 2, "results": []}}\n')
    write("results_journal", "other_run.txt", '{"run":"another"}\n')


def masks():
    write("run_lengths", "one", bytes(SIZE) + compressed(COUNTS).encode())
    write("run_lengths", "two", bytes(SIZE) + f"{RLE['counts']} {compressed([0, 40, 40])}".encode())
    for name, corners in {"square": POLYGON[0], "line": [0, 0, 9, 7, 0, 0], "out": [-9, 0, 30, 4, 5, 90]}.items():
        fixed = b"".join(struct.pack("<hxxxxxb", int(corner * 64), 1) for corner in corners)
        write("polygon", name, bytes(SIZE) + fixed)


CONFIG = """MODEL:
  META_ARCHITECTURE: SeqFormer
  WEIGHTS: ""
  MASK_ON: True
  RESNETS: {DEPTH: 50, OUT_FEATURES: [res3, res4, res5]}
  SeqFormer:
    NUM_CLASSES: 0x28
    DROPOUT: 1e-1
SOLVER:
  STEPS: (6000, 8_000)
  BASE_LR: .0002
INPUT:
  MIN_SIZE_TRAIN: !!python/tuple [288, 320]
  CROP: &crop {ENABLED: on, TYPE: 'absolute_range', SIZE: [384, 600]}
DATASETS:
  TRAIN: ('ytvis_2019_train',)
  TEST: ["ytvis_2019_val"]
VERSION: 2
"""


def config():
    write("config", "plain.yaml", CONFIG)
    write("config", "quoted.yaml", 'OUTPUT_DIR: "a\\u00e9\\n b"\nMODEL: {DEVICE: \'cpu\'}\n')
    write("config", "block.yaml", "OUTPUT_DIR: |\n  two\n  lines\nMODEL:\n  WEIGHTS: >-\n    a\n    b\n")
    write("config", "base.yaml", "_BASE_: missing.yaml\nSEED: 1\n")
    write("config", "merge.yaml", "a: &a {SEED: 1}\n<<: *a\n")
    write("config", "tagged.yaml", "SEED: !!int '7'\nSOLVER: {BASE_LR: !!float 1}\n")
    for name, lines in {
        "pairs": ["SOLVER.MAX_ITER", "30", "MODEL.SeqFormer.NUM_CLASSES", "3"],
        "equals": ["SOLVER.STEPS=(10, 20)", "INPUT.MIN_SIZE_TRAIN=[64,]"],
        "text": ["OUTPUT_DIR", "'a' \"b\"", "DATASETS.TRAIN", '("a", r"b", u"c")'],
        "numbers": ["SOLVER.BASE_LR", "-1e-4", "SEED", "0b101", "SOLVER.WEIGHT_DECAY", "1_0.5"],
        "none": ["SEED", "None", "MODEL.MASK_ON", "True"],
    }.items():
        write("opts", name, "\n".join(lines))


class Global:
    """Stands for a name in a pickle without importing it."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Pickler:
    """The few opcodes of protocol 2 that `torch.save` and numpy need, written by hand."""

    def __init__(self):
        self.out = bytearray(b"\x80\x02")

    def bytes(self):
        return bytes(self.out) + b"."

    def put(self, value):
        out = self.out
        if isinstance(value, Global):
            out += f"c{value.module}\n{value.name}\n".encode()
        elif isinstance(value, bool):
            out += b"\x88" if value else b"\x89"
        elif isinstance(value, int):
            out += b"J" + struct.pack("<i", value)
        elif isinstance(value, float):
            out += b"G" + struct.pack(">d", value)
        elif isinstance(value, str):
            out += b"X" + struct.pack("<I", len(value.encode())) + value.encode()
        elif isinstance(value, dict):
            out += b"}("
            for key, entry in value.items():
                self.put(key)
                self.put(entry)
            out += b"u"
        elif isinstance(value, list):
            out += b"]("
            for entry in value:
                self.put(entry)
            out += b"e"
        elif isinstance(value, tuple):
            out += b"("
            for entry in value:
                self.put(entry)
            out += b"t"
        elif isinstance(value, Tensor):
            self.put(Global("torch._utils", "_rebuild_tensor_v2"))
            out += b"("
            self.put(("storage", Global("torch", value.storage), value.key, "cpu", value.elements))
            out += b"Q"
            for entry in (0, value.shape, value.stride, False):
                self.put(entry)
            self.put(Global("collections", "OrderedDict"))
            out += b")RtR"
        else:
            raise TypeError(value)


class Tensor:
    def __init__(self, key, shape, storage="FloatStorage", width=4):
        self.key, self.shape, self.storage, self.width = key, shape, storage, width
        self.elements, stride = 1, []
        for side in reversed(shape):
            stride.insert(0, self.elements)
            self.elements *= side
        self.stride = tuple(stride)


def torch_zip(tree, tensors):
    pickler = Pickler()
    pickler.put(tree)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("archive/data.pkl"), pickler.bytes())
        file.writestr(zipfile.ZipInfo("archive/version"), "3\n")
        for tensor in tensors:
            data = bytes(range(tensor.elements * tensor.width))
            file.writestr(zipfile.ZipInfo(f"archive/data/{tensor.key}"), data)
    return archive.getvalue()


def torch_stream(tree, tensors):
    out = bytearray()
    for head in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True, "protocol_version": 1001}):
        out += pickle.dumps(head, 2)
    pickler = Pickler()
    pickler.put(tree)
    out += pickler.bytes() + pickle.dumps([tensor.key for tensor in tensors], 2)
    for tensor in tensors:
        out += struct.pack("<q", tensor.elements) + bytes(range(tensor.elements * tensor.width))
    return bytes(out)


def safetensors(names):
    header, at = {}, 0
    for name, shape in names.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(at)


# One or two parameters by which the names of each program are recognised.
DIALECTS = {
    "vnext": {"detr.transformer.level_embed": [1, 2], "detr.detr.backbone.0.backbone.stem.conv1.weight": [1, 1, 1, 1]},
    "original": {"backbone.0.body.conv1.weight": [1, 1, 1, 1], "transformer.level_embed": [1, 2], "class_embed.0.bias": [3]},
    "deformable_detr": {"transformer.reference_points.weight": [2, 2], "bbox_embed.0.layers.0.weight": [2, 2]},
    "detectron2": {"stem.conv1.weight": [1, 1, 1, 1], "res2.0.conv1.norm.running_mean": [1]},
    "torchvision": {"conv1.weight": [1, 1, 1, 1], "layer1.0.bn1.running_var": [1], "fc.bias": [2]},
    "swin": {"patch_embed.proj.weight": [1, 1, 1, 1], "layers.0.blocks.0.attn.relative_position_bias_table": [1, 1]},
}


def checkpoints():
    tensors = [Tensor("0", (2, 3)), Tensor("1", (2,), "LongStorage", 8)]
    tree = {"model": {"a.weight": tensors[0], "b": tensors[1]}, "iteration": 7, "lr": [0.5], "done": True}
    write("checkpoint", "zip.pth", torch_zip(tree, tensors))
    write("checkpoint", "stream.pth", torch_stream(tree, tensors))
    write("checkpoint", "flat.pth", torch_zip(tree["model"], tensors))
    for name, shapes in DIALECTS.items():
        write("checkpoint", f"{name}.safetensors", safetensors(shapes))
    write("checkpoint", "evil.pkl", b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.")
    write("checkpoint", "dict.pkl", pickle.dumps({"model": {"a": 1, "b": [1.5, None, b"x", "y"]}}, 2))
    write("checkpoint", "protocol4.pkl", pickle.dumps({"model": {"a": (1, 2), "b": {3}}}, 4))
    numpy = Pickler()
    numpy.out += b"}("
    numpy.put("a")
    numpy.put(Global("numpy.core.multiarray", "_reconstruct"))
    numpy.out += b"("
    numpy.put(Global("numpy", "ndarray"))
    numpy.put((0,))
    numpy.out += b"U\x01btR("
    numpy.put(1)
    numpy.put((2,))
    numpy.put(Global("numpy", "dtype"))
    numpy.out += b"(U\x02f4"
    numpy.put(0)
    numpy.put(1)
    numpy.out += b"tR("
    numpy.put(3)
    numpy.out += b"U\x01<NNN"
    for number in (-1, -1, 0):
        numpy.put(number)
    numpy.out += b"tb"
    numpy.put(False)
    numpy.out += b"U\x08" + bytes(8) + b"tbu"
    write("checkpoint", "numpy.pkl", numpy.bytes())


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth, color, row, extra=b""):
    header = struct.pack(">IIBBBBB", 3, 2, depth, color, 0, 0, 0)
    data = zlib.compress((b"\0" + row) * 2, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def gif_image(left, top, width, height, pixels, interlaced=False):
    """A frame of two colours; a clear code before each pixel keeps every code three bits long."""
    bits, count, data = 0, 0, bytearray()
    for code in [code for pixel in pixels for code in (4, pixel)] + [5]:
        bits |= code << count
        count += 3
        while count >= 8:
            data.append(bits & 255)
            bits, count = bits >> 8, count - 8
    if count:
        data.append(bits)
    head = struct.pack("<BHHHHB", 0x2C, left, top, width, height, 0x40 if interlaced else 0)
    return head + b"\x02" + bytes([len(data)]) + bytes(data) + b"\0"


def gif(*frames):
    palette = bytes([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    return b"GIF89a" + struct.pack("<HHBBB", 4, 3, 0x81, 0, 0) + palette + b"".join(frames) + b";"


def control(disposal, delay, transparent=None):
    flags = disposal << 2 | (transparent is not None)
    return b"!\xf9\x04" + struct.pack("<BHB", flags, delay, transparent or 0) + b"\0"


def bmp():
    rows = b"\x10\x20\x30\x40\x50\x60\0\0" * 2
    header = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 24, 0, len(rows), 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(rows), 0, 0, 14 + len(header)) + header + rows


def vp8l(width, height):
    """A lossless WebP of one colour: every code has a single symbol, and so no pixel takes a bit."""
    bits = count = 0

    def put(value, length):
        nonlocal bits, count
        bits |= value << count
        count += length

    put(width - 1, 14)
    put(height - 1, 14)
    put(0, 4)  # no alpha, version 0
    put(0, 3)  # no transform, no colour cache, no meta codes
    for symbol in (10, 20, 30, 255):
        put(0b101, 3)  # a simple code with one symbol of 8 bits
        put(symbol, 8)
    put(0b0001, 4)  # distances: one symbol of one bit
    data = b"\x2f" + bits.to_bytes((count + 7) // 8, "little")
    return data + b"\0" * (len(data) % 2)


def riff(*chunks):
    body = b"WEBP" + b"".join(kind + struct.pack("<I", len(data)) + data for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def animated_webp():
    size = struct.pack("<I", 3)[:3]
    frame = bytes(6) + size + size + b"\x64\0\0" + b"\0" + b"VP8L"
    data = vp8l(4, 4)
    frame += struct.pack("<I", len(data)) + data
    head = b"\x02\0\0\0" + size + size
    return riff((b"VP8X", head), (b"ANIM", bytes(6)), (b"ANMF", frame), (b"ANMF", frame))


def jpeg(components=1, orientation=None):
    """A grey or three-channel picture of 8 by 8 pixels whose blocks have a constant alone."""

    def segment(marker, data):
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data

    out = b"\xff\xd8"
    if orientation is not None:
        entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
        out += segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 1) + entry + bytes(4))
    out += segment(0xDB, b"\0" + bytes([8] * 64))
    frame = b"".join(bytes([index + 1, 0x11, 0]) for index in range(components))
    out += segment(0xC0, struct.pack(">BHHB", 8, 8, 8, components) + frame)
    one_code = bytes([1] + [0] * 15)
    out += segment(0xC4, b"\0" + one_code + b"\x05")  # a constant of five bits
    out += segment(0xC4, b"\x10" + one_code + b"\0")  # and the end of the block
    scan = b"".join(bytes([index + 1, 0]) for index in range(components))
    out += segment(0xDA, bytes([components]) + scan + b"\0\x3f\0")
    bits = "0" + "10110" + "0"
    text = (bits * components).ljust(-(-len(bits) * components // 8) * 8, "1")
    return out + int(text, 2).to_bytes(len(text) // 8, "big") + b"\xff\xd9"


def pictures():
    stills = {
        "rgb.png": png(8, 2, bytes(range(9))),
        "rgba.png": png(8, 6, bytes(range(12))),
        "grey.png": png(8, 0, bytes(3)),
        "grey_alpha.png": png(8, 4, bytes(6)),
        "deep.png": png(16, 2, bytes(range(18))),
        "bits.png": png(1, 0, b"\xa0"),
        "palette.png": png(8, 3, b"\0\1\0", chunk(b"PLTE", bytes(range(6))) + chunk(b"tRNS", b"\0")),
        "grey.jpg": jpeg(),
        "color.jpg": jpeg(3),
        "inks.jpg": jpeg(4),
        **{f"turned{turn}.jpg": jpeg(1, turn) for turn in (3, 6)},
        "plain.bmp": bmp(),
        "plain.webp": riff((b"VP8L", vp8l(5, 3))),
        "cut.png": png(8, 2, bytes(9))[:50],
    }
    for name, data in stills.items():
        write("picture", name, data)
    moving = {
        "two.gif": gif(control(1, 10), gif_image(0, 0, 4, 3, [0, 1] * 6), control(2, 5, 0), gif_image(1, 1, 2, 2, [1, 0, 0, 1])),
        "restored.gif": gif(control(3, 0), gif_image(0, 0, 4, 3, [2] * 12), gif_image(3, 2, 3, 3, [1] * 9, True)),
        "one.gif": gif(gif_image(0, 0, 4, 3, [3] * 12)),
        "none.gif": gif(),
    }
    for name, data in moving.items():
        write("video_file", name, data)
        write("picture", name, data)
    for name, data in {"moving.webp": animated_webp(), "still.webp": riff((b"VP8L", vp8l(5, 3)))}.items():
        write("video_file", name, data)
        write("picture", name, data)
    frame = b"P6\n3 2\n255\n" + bytes(range(18))
    write("video_pipe", "one.ppm", frame)
    write("video_pipe", "two.ppm", frame * 2)
    write("video_pipe", "cut.ppm", frame + frame[:20])
    write("video_pipe", "spaces.ppm", b"P6 1\t1 \r255 abc")
    write("video_pipe", "deep.ppm", b"P6 1 1 65535\n" + bytes(6))


def texts():
    write("metrics", "line", '{"data_time": 0.01, "iteration": 19, "lr": 1e-05, "total_loss": 3.5}')
    write("metrics", "not_finite", '{"iteration": 19, "total_loss": NaN, "time": -Infinity, "eta": null}')
    write("class_names", "lines.txt", "person\n giant panda \n\n")
    write("class_names", "categories.json", json.dumps({"categories": CATEGORIES}))
    write("class_names", "same_ids.json", json.dumps({"categories": [CATEGORIES[0]] * 2}))


def formats():
    def one(format, name, content):
        write("formats", f"{format}_{name}", f"{format}\n" + (content if isinstance(content, str) else json.dumps(content)))

    one("ytvis", "tracks", ytvis([RLE, None]))
    one("coco", "image", coco(POLYGON))
    video = {"id": 3, "name": "a"}
    images = [{"id": n, "video_id": 3, "frame_id": n - 1, "height": 8, "width": 10, "file_name": f"a/{n}.jpg"} for n in (1, 2)]
    objects = [{"id": n, "image_id": n, "video_id": 3, "instance_id": 5, "category_id": 7, "bbox": BOX, "area": 16, "segmentation": RLE} for n in (1, 2)]
    one("cocovid", "video", {"videos": [video], "images": images, "annotations": objects, "categories": CATEGORIES})
    one("mots-txt", "lines", f"0 2001 2 8 10 {RLE['counts']}\n1 10000 10 8 10 {RLE['counts']}\n")
    frames = "".join(
        f'<polygon frame="{frame}" outside="{outside}" occluded="0" keyframe="1" points="0,0;4,0;4,4;0,4"/>' for frame, outside in ((0, 0), (2, 1))
    )
    mask = '<mask frame="1" outside="0" occluded="1" keyframe="1" rle="3, 2, 3" left="1" top="1" width="4" height="2"/>'
    size = "<original_size><width>10</width><height>8</height></original_size>"
    labels = "<labels><label><name>car</name></label></labels>"
    meta = f'<meta><task><name>a</name><size>3</size><mode>interpolation</mode>{labels}{size}</task></meta>'
    tracks = f'<track id="0" label="car">{frames}</track><track id="1" label="car">{mask}</track>'
    one("cvat", "video", f"<annotations><version>1.1</version>{meta}{tracks}</annotations>")
    shapes = '<polygon label="car" points="1,1;5,1;5,5;1,5" occluded="1"/><box label="car" xtl="0" ytl="2" xbr="4" ybr="4"/>'
    image = f'<image id="0" name="a/0.jpg" width="10" height="8">{shapes}</image>'
    one("cvat", "images", f"<annotations><version>1.1</version>{image}</annotations>")
    shape = {"label": "car", "points": [[1, 1], [6, 1], [6, 6]], "group_id": 4, "shape_type": "polygon", "flags": {}}
    one("labelme", "frame", {"version": "5.0.1", "imagePath": "0.png", "imageData": None, "imageHeight": 8, "imageWidth": 10, "shapes": [shape]})
    one("sav", "masklets", {"video_id": "sav_1", "video_height": 8.0, "video_width": 10.0, "video_frame_count": 8.0, "masklet": [[RLE], [RLE_LIST]], "masklet_id": [4]})
    label = {"id": "9", "category": "car", "poly2d": [{"vertices": [[0, 0], [0, 8], [8, 8], [8, 0]], "types": "LCCL"}]}
    box = {"id": "7", "category": "rider", "box2d": {"x1": 1, "y1": 2, "x2": 3, "y2": 5}}
    one("scalabel", "frames", [{"name": "a-1.jpg", "videoName": "a", "frameIndex": 0, "size": {"width": 10, "height": 8}, "labels": [label, box]}])
    of = {"original_width": 10, "original_height": 8}
    polygon = {**of, "type": "polygonlabels", "value": {"points": [[10, 10], [60, 10], [60, 60]], "polygonlabels": ["cat"]}}
    steps = [{"frame": frame, "enabled": True, "x": 0, "y": 0, "width": 50, "height": 50} for frame in (1, 3)]
    film = {**of, "type": "videorectangle", "value": {"framesCount": 4, "labels": ["car"], "sequence": steps}}
    tasks = [{"id": n, "data": data, "annotations": [{"result": [result]}]} for n, data, result in ((1, {"image": "a.jpg"}, polygon), (2, {"video": "b.mp4"}, film))]
    one("label-studio", "tasks", tasks)
    sequence = {"id": 1, "dataset": "D", "seq_name": "v", "height": 8, "width": 10, "fps": 30, "all_image_paths": ["0.jpg"], "annotated_image_paths": ["0.jpg"]}
    sequence |= {"track_category_ids": {"4": 7}, "segmentations": [{"4": {"rle": RLE["counts"], "is_gt": True}}]}
    one("burst", "sequence", {"split": "val", "categories": CATEGORIES, "sequences": [sequence]})


def main():
    shutil.rmtree(SEEDS, ignore_errors=True)
    for part in (annotations, results, masks, config, checkpoints, pictures, texts, formats):
        part()


if __name__ == "__main__":
    main()
