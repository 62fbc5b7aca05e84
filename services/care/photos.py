"""Photos from people: drawn anew as JPEG, so that place, camera and whatever else a file hides are gone."""

import warnings
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps

from services.care.errors import PhotoRefusedError

MOST_PIXELS = 60_000_000
_LONGEST_SIDE = 2048
_QUALITY = 85
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture and nothing else."""

    width: int
    height: int
    image: bytes


def redraw(raw: bytes) -> Photo:
    """Draw a picture anew, upright, at most 2048 pixels long; raises PhotoRefusedError for what is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(raw), formats=_FORMATS) as opened:
                if opened.width * opened.height > MOST_PIXELS:
                    raise PhotoRefusedError(f"a photo may have at most {MOST_PIXELS // 1_000_000} million pixels")
                opened.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
                picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoRefusedError("this is no picture that can be read: send a JPEG, PNG or WebP") from error
    picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    bare = Image.new("RGB", picture.size)
    bare.paste(picture)
    drawn = BytesIO()
    bare.save(drawn, "JPEG", quality=_QUALITY, optimize=True)
    return Photo(bare.width, bare.height, drawn.getvalue())
