"""Request bodies: gzip and zstd undone, with the limit held on what they inflate to. No I/O here.

A few kilobytes can inflate to gigabytes, so nothing is ever inflated past the limit, not even to measure it.
"""

import zlib

import zstandard

from web.problems import Problem

ZSTD_WINDOW = 8 * 1024 * 1024  # what RFC 8878 asks every decoder to support; more is a way to eat our memory


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """The body as the client meant it. Problem 413 over `limit` bytes, 400 when corrupt, 415 for another encoding."""
    match encoding.strip().lower():
        case "" | "identity":
            plain = body
        case "gzip" | "x-gzip":
            plain = _gunzip(body, limit)
        case "zstd":
            plain = _unzstd(body, limit)
        case other:
            raise Problem(415, "unsupported_encoding", "This content encoding is not supported", other)
    if len(plain) > limit:
        raise too_large(limit)
    return plain


def too_large(limit: int) -> Problem:
    return Problem(413, "body_too_large", "The body is too large", f"at most {limit} bytes, inflated")


def _gunzip(body: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    room = limit + 1
    while body and room > 0:
        member = zlib.decompressobj(wbits=31)
        try:
            part = member.decompress(body, room)
        except zlib.error as error:
            raise _corrupt() from error
        parts.append(part)
        room -= len(part)
        if room > 0 and not member.eof:
            raise _corrupt()
        body = member.unused_data
    return b"".join(parts)


def _unzstd(body: bytes, limit: int) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    try:
        # the reader alone stops at a limit, the object alone knows whether the last frame was whole
        with decompressor.stream_reader(body, read_across_frames=True) as reader:
            if len(plain := reader.read(limit + 1)) > limit:
                return plain
        while body:
            frame = decompressor.decompressobj()
            frame.decompress(body)
            if not frame.eof:
                raise _corrupt()
            body = frame.unused_data
    except zstandard.ZstdError as error:
        raise _corrupt() from error
    return plain


def _corrupt() -> Problem:
    return Problem(400, "body_corrupt", "The compressed body is corrupt or cut short")
