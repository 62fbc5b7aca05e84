"""Labels as files: a PNG with bars, a one-page PDF, or ZPL, all made from the tracking code."""

import hashlib
import struct
import zlib

_WIDTH_BYTES, _HEIGHT = 50, 600
_QUIET = 40
MEDIA_TYPES = {"png": "image/png", "pdf": "application/pdf", "zpl": "application/zpl"}


def media_type(extension: str) -> str:
    """Name the media type of a label file."""
    return MEDIA_TYPES[extension]


def draw_label(extension: str, tracking_code: str, lines: list[str]) -> bytes:
    """Make the label's bytes."""
    if extension == "png":
        return _png(tracking_code)
    if extension == "pdf":
        return _pdf([*lines, tracking_code])
    return _zpl(tracking_code, lines)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def _png(tracking_code: str) -> bytes:
    bars = hashlib.shake_128(tracking_code.encode()).digest(_WIDTH_BYTES)
    blank = b"\x00" + b"\xff" * _WIDTH_BYTES
    rows = blank * _QUIET + (b"\x00" + bars) * (_HEIGHT - 2 * _QUIET) + blank * _QUIET
    header = struct.pack(">IIBBBBB", _WIDTH_BYTES * 8, _HEIGHT, 1, 0, 0, 0, 0)
    text = _chunk(b"tEXt", b"Description\x00" + tracking_code.encode("latin-1", "replace"))
    image = _chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + text + image + _chunk(b"IEND", b"")


def _pdf(lines: list[str]) -> bytes:
    shown = "".join(f"({_escape(line)}) Tj 0 -24 Td " for line in lines)
    content = f"BT /F1 14 Tf 20 390 Td {shown}ET".encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 288 432] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Font << /F1 5 0 R >> >>",
    ]
    document = b"%PDF-1.4\n"
    offsets = []
    for number, written in enumerate(objects, 1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, written)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(document)
    size = len(objects) + 1
    document += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return document + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


def _escape(line: str) -> str:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _zpl(tracking_code: str, lines: list[str]) -> bytes:
    plain = [line.replace("^", " ").replace("~", " ") for line in lines]
    fields = "".join(f"^FO40,{40 + 40 * number}^A0N,30^FD{line}^FS" for number, line in enumerate(plain))
    return f"^XA{fields}^FO40,500^BCN,160,Y^FD{tracking_code}^FS^XZ".encode()
