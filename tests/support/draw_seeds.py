"""The pictures of the seeds' papers: small abstract drawings of what each paper is about.

`python tests/support/draw_seeds.py` draws them anew into seeds/pictures, one JPEG for each line of
seeds/papers.jsonl: the line's `drawing` names the function here that draws it, and the arXiv identifier seeds the
random numbers, so that the same paper always gets the same picture.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

SEEDS = Path(__file__).parents[2] / "seeds"
WIDTH, HEIGHT = 560, 315
_FINER = 3  # drawn larger, then made small: Pillow draws hard edges
_QUALITY = 72
_MAX_BYTES = 10_000
# Ground, ink, and three colors that go well together.
_PALETTES = (
    ("#f4efe4", "#2b2a33", "#c8553d", "#588b8b", "#e9b872"),
    ("#eaf0ee", "#1f2f3a", "#2a7f8e", "#e07a5f", "#a9c5a0"),
    ("#efebf5", "#2c2440", "#6b4fa0", "#e0a458", "#8fb8de"),
    ("#f6ece8", "#33211f", "#a63d40", "#e9b44c", "#6494aa"),
    ("#e9eef6", "#1d2b46", "#3d5a98", "#ee6c4d", "#98c1d9"),
    ("#1e2430", "#e8e6df", "#e4a853", "#5fb3a1", "#d9695f"),
    ("#20202b", "#ebe7f2", "#8f9df2", "#f2b880", "#69c1b3"),
)
Point = tuple[float, float]


class Canvas:
    """A drawing area of 16 by 9 units, with a palette and a chance of its own."""

    def __init__(self, seed: str) -> None:
        self.chance = Random(seed)
        self.ground, self.ink, self.a, self.b, self.c = self.chance.choice(_PALETTES)
        self._unit = WIDTH * _FINER / 16
        self.image = Image.new("RGB", (WIDTH * _FINER, HEIGHT * _FINER), self.ground)
        self._pen = ImageDraw.Draw(self.image)

    def mix(self, color: str, share: float) -> str:
        """A color over the ground; `share` from 0, the ground, to 1, the color."""
        under, over = (_rgb(one) for one in (self.ground, color))
        return "#" + "".join(f"{round(u + (o - u) * share):02x}" for u, o in zip(under, over, strict=True))

    def line(self, points: list[Point], color: str, width: float = 0.08) -> None:
        """A line with round joints and ends."""
        self._pen.line(self._at(points), color, round(width * self._unit), joint="curve")
        for x, y in (points[0], points[-1]):
            self.dot(x, y, width / 2, color)

    def dot(self, x: float, y: float, radius: float, color: str, rim: str | None = None) -> None:
        """A filled circle, perhaps with a rim."""
        box = self._at([(x - radius, y - radius), (x + radius, y + radius)])
        self._pen.ellipse(box, color, rim, round(0.06 * self._unit))

    def box(self, x: float, y: float, w: float, h: float, color: str | None, round_by: float = 0.0) -> None:
        """A filled rectangle; without a color only its outline in ink."""
        area = self._at([(x, y), (x + w, y + h)])
        outline = None if color else self.ink
        self._pen.rounded_rectangle(area, round_by * self._unit, color, outline, round(0.05 * self._unit))

    def frame(self, x: float, y: float, w: float, h: float, color: str, width: float) -> None:
        """The outline of a rectangle."""
        self.line([(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)], color, width)

    def shape(self, points: list[Point], color: str) -> None:
        """A filled polygon."""
        self._pen.polygon(self._at(points), color)

    def arc(
        self, x: float, y: float, radius: float, start: float, end: float, color: str, width: float = 0.08
    ) -> None:
        """A part of a circle, in degrees clockwise from the right."""
        box = self._at([(x - radius, y - radius), (x + radius, y + radius)])
        self._pen.arc(box, start, end, color, round(width * self._unit))

    def _at(self, points: list[Point]) -> list[Point]:
        return [(x * self._unit, y * self._unit) for x, y in points]


def _rgb(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color[1:]))


def memory(c: Canvas) -> None:
    """Cards that are stacked, the newest in front, with lines that were changed."""
    for step in range(4):
        x, y, shade = 2.2 + step * 2.1, 1.2 + step * 0.75, 0.2 + step * 0.1
        c.box(x, y, 5.4, 4.4, c.mix(c.a, shade) if step < 3 else c.mix(c.ink, 0.1), 0.3)
    for row in range(5):
        changed = row in (1, 3)
        length = 2.2 + c.chance.random() * 1.6
        c.box(9.0, 4.05 + row * 0.68, length, 0.28, c.b if changed else c.mix(c.ink, 0.45), 0.14)
        if changed:
            c.dot(8.8 - 0.3, 4.19 + row * 0.68, 0.14, c.b)


def screen(c: Canvas) -> None:
    """A window with controls, and the path of a pointer."""
    c.box(2.4, 1.1, 11.2, 6.8, c.mix(c.ink, 0.12), 0.3)
    c.box(2.4, 1.1, 11.2, 0.8, c.mix(c.ink, 0.3), 0.3)
    for spot in range(3):
        c.dot(3.0 + spot * 0.5, 1.5, 0.15, (c.a, c.c, c.b)[spot])
    for row in range(3):
        c.box(3.0, 2.6 + row * 1.6, 3.0, 1.1, c.mix(c.b, 0.35 + 0.2 * row), 0.15)
        c.box(6.6, 2.6 + row * 1.6, 3 + c.chance.random() * 3, 0.3, c.mix(c.ink, 0.4), 0.15)
        c.box(6.6, 3.2 + row * 1.6, 2 + c.chance.random() * 3, 0.3, c.mix(c.ink, 0.25), 0.15)
    path = [(4.5 + t * 7.0, 6.4 - math.sin(t * 2.6) * 2.6) for t in (n / 30 for n in range(31))]
    c.line(path, c.a, 0.12)
    x, y = path[-1]
    c.shape([(x, y), (x + 0.25, y + 1.15), (x + 0.5, y + 0.75), (x + 0.95, y + 0.75)], c.a)


def curve(c: Canvas) -> None:
    """Three curves that rise and level off over a grid."""
    for level in range(5):
        c.line([(2, 1.5 + level * 1.5), (14, 1.5 + level * 1.5)], c.mix(c.ink, 0.13), 0.03)
    for color, speed, top in ((c.c, 0.5, 3.2), (c.b, 0.8, 4.6), (c.a, 1.3, 5.8)):
        rising = ((t, top * (1 - math.exp(-speed * 4 * t)) + c.chance.uniform(-0.07, 0.07)) for t in _to_1(40))
        steps = [(2 + 12 * t, 7.5 - height) for t, height in rising]
        c.line(steps, color, 0.12)
        c.dot(*steps[-1], 0.22, color)
    c.line([(2, 1.2), (2, 7.5), (14.2, 7.5)], c.ink, 0.06)


def humanoid(c: Canvas) -> None:
    """A walking figure, its earlier poses fading."""
    c.line([(1.4, 7.9), (14.6, 7.9)], c.mix(c.ink, 0.5), 0.06)
    for step in range(4):
        x, lean, stride = 3.2 + step * 3.1, c.chance.uniform(-0.25, 0.35), (0.5, 1.1, 0.7, 1.2)[step]
        color = c.a if step == 3 else c.mix(c.ink, 0.2 + 0.12 * step)
        hip, neck = (x, 5.4), (x + lean, 3.2)
        c.line([hip, neck], color, 0.3)
        c.dot(neck[0] + lean / 3, 2.4, 0.48, color)
        for side in (-1, 1):
            c.line([hip, (x + side * stride * 0.75 + 0.25, 6.6), (x + side * stride, 7.8)], color, 0.22)
            c.line([neck, (x - side * stride * 0.7, 4.2), (x - side * stride * 0.5 + 0.4, 5.0)], color, 0.17)
        for joint in (hip, neck):
            c.dot(*joint, 0.17, c.b if step == 3 else c.ground)


def scene(c: Canvas) -> None:
    """A landscape of points with a camera's view into it."""
    for _ in range(420):
        depth = c.chance.random()
        x = 8 + (c.chance.random() - 0.5) * 15 * (0.35 + depth * 0.65)
        ridge = math.sin(x * 1.1) * 0.6 * (1 - depth) + math.sin(x * 0.5 + 2) * 0.5
        color = c.mix((c.b, c.c, c.a)[int(depth * 2.99)], 0.5 + depth / 2)
        c.dot(x, 3.2 + depth * 5.0 + ridge, 0.035 + 0.06 * depth, color)
    for corner in ((5.4, 2.2), (10.6, 2.2), (10.6, 6.6), (5.4, 6.6)):
        c.line([(8, 8.5), corner], c.mix(c.ink, 0.6), 0.05)
    c.frame(5.4, 2.2, 5.2, 4.4, c.ink, 0.07)


def tokens(c: Canvas) -> None:
    """Rows of tokens, some accepted, some not."""
    for row in range(5):
        x = 1.6
        while x < 13.6:
            width = c.chance.uniform(0.7, 1.9)
            fate = c.chance.random()
            color = c.a if fate < 0.18 else c.mix(c.b, 0.75) if fate < 0.6 else c.mix(c.ink, 0.18)
            c.box(x, 1.3 + row * 1.35, min(width, 14.4 - x), 0.85, color, 0.2)
            x += width + 0.25


def shield(c: Canvas) -> None:
    """A shield that most arrows do not pass."""
    form = [(8, 1.0), (11.2, 2.0), (11.0, 4.9), (9.9, 6.7), (8, 8.1), (6.1, 6.7), (5.0, 4.9), (4.8, 2.0)]
    c.shape(form, c.mix(c.b, 0.4))
    c.shape([(8, 1.0), (11.2, 2.0), (11.0, 4.9), (9.9, 6.7), (8, 8.1)], c.mix(c.b, 0.75))
    for row in range(5):
        y = 2.1 + row * 1.1
        end = 8.2 if row == 2 else 4.3 + abs(row - 2) * 0.25
        c.line([(0.8 + c.chance.random(), y), (end, y)], c.a if row == 2 else c.mix(c.ink, 0.45), 0.12)
        c.shape([(end + 0.45, y), (end, y - 0.28), (end, y + 0.28)], c.a if row == 2 else c.mix(c.ink, 0.45))


def diffusion(c: Canvas) -> None:
    """The same picture four times, from noise to clear."""
    for step in range(4):
        left, noise = 1.0 + step * 3.6, (1.0, 0.6, 0.25, 0.0)[step]
        for row in range(16):
            for col in range(11):
                far = math.hypot(col - 5, row - 5.5)
                color = c.c if far < 2.6 else c.a if row > 9 + math.sin(col * 0.9) * 1.6 else c.mix(c.b, 0.5)
                if c.chance.random() < noise:
                    color = c.mix(c.chance.choice((c.ink, c.a, c.b, c.c)), c.chance.uniform(0.15, 0.7))
                c.box(left + col * 0.29, 2.1 + row * 0.29, 0.3, 0.3, color)


def arm(c: Canvas) -> None:
    """A robot's arm above the things that it is to grasp."""
    c.line([(1.4, 7.7), (14.6, 7.7)], c.mix(c.ink, 0.5), 0.08)
    c.box(2.4, 6.9, 2.4, 0.8, c.mix(c.ink, 0.6), 0.15)
    elbow, wrist = (5.0 + c.chance.random(), 2.2), (10.2 + c.chance.random(), 3.0)
    c.line([(3.6, 6.8), elbow], c.b, 0.6)
    c.line([elbow, wrist], c.mix(c.b, 0.75), 0.45)
    hand = (wrist[0] + 0.3, 4.9)
    c.line([wrist, hand], c.mix(c.b, 0.6), 0.3)
    for side in (-1, 1):
        c.line([hand, (hand[0] + side * 0.55, 5.4), (hand[0] + side * 0.4, 6.1)], c.ink, 0.16)
    for joint in ((3.6, 6.8), elbow, wrist, hand):
        c.dot(*joint, 0.34, c.ground, c.ink)
    c.box(hand[0] - 0.5, 6.7, 1.0, 1.0, c.a, 0.1)
    c.dot(hand[0] + 2.2, 7.15, 0.55, c.c)
    c.shape([(7.4, 7.7), (8.6, 7.7), (8.0, 6.6)], c.mix(c.ink, 0.4))


def graph(c: Canvas) -> None:
    """Agents and the messages between them."""
    around = [(math.cos(n * 0.9 + 0.3), math.sin(n * 0.9 + 0.3), c.chance.uniform(0.65, 1)) for n in range(7)]
    spots = [*((8 + 5.6 * x * far, 4.5 + 3 * y * far) for x, y, far in around), (8.0, 4.5)]
    for one in range(len(spots)):
        for other in range(one):
            if len(spots) - 1 in (one, other) or c.chance.random() < 0.3:
                c.line([spots[one], spots[other]], c.mix(c.ink, 0.28), 0.06)
                share = c.chance.uniform(0.3, 0.7)
                c.dot(*(a + (b - a) * share for a, b in zip(spots[one], spots[other], strict=True)), 0.11, c.c)
    for n, (x, y) in enumerate(spots):
        c.dot(x, y, 0.95 if n == 7 else c.chance.uniform(0.42, 0.7), c.a if n == 7 else c.mix(c.b, 0.85))
    c.dot(*spots[-1], 0.38, c.ground)


def tree(c: Canvas) -> None:
    """A search tree: branches that ended, and the one that led somewhere."""

    def grow(x: float, y: float, spread: float, depth: int, *, good: bool) -> None:
        if depth == 0:
            c.dot(x, y, 0.3, c.a if good else c.mix(c.ink, 0.35))
            return
        lucky = c.chance.randrange(3) if good else -1
        for branch in range(3):
            if branch != lucky and depth < 3 and c.chance.random() < 0.35:
                continue
            to = (x + 3.6, y + (branch - 1) * spread)
            hit = branch == lucky
            c.line([(x, y), (x + 1.2, to[1]), to], c.a if hit else c.mix(c.ink, 0.3), 0.14 if hit else 0.07)
            grow(*to, spread / 2.8, depth - 1, good=hit)
        c.dot(x, y, 0.3, c.b)

    grow(2.2, 4.5, 2.5, 3, good=True)


def road(c: Canvas) -> None:
    """A road to the horizon, with boxes around what is on it."""
    c.box(0, 0, 16, 3.4, c.mix(c.c, 0.4))
    c.shape([(0, 3.4), (3, 2.3), (6, 3.0), (9.5, 2.0), (13, 3.0), (16, 2.5), (16, 3.5), (0, 3.5)], c.mix(c.b, 0.5))
    c.shape([(7.4, 3.4), (8.6, 3.4), (15.4, 9), (0.6, 9)], c.mix(c.ink, 0.35))
    for dash in range(5):
        near = dash / 4
        c.box(8 - 0.02 - near * 0.12, 3.9 + near * near * 4, 0.06 + near * 0.24, 0.25 + near * 0.6, c.ground)
    for x, y, size, color in ((6.4, 4.3, 0.9, c.a), (10.4, 5.3, 1.5, c.b), (8.5, 3.7, 0.5, c.a)):
        c.box(x, y, size * 1.2, size, c.mix(color, 0.8), 0.1)
        c.box(x - 0.15, y - 0.15, size * 1.2 + 0.3, size + 0.3, None)
    c.line([(8 + math.sin(t * 2) * 1.3 * t, 9 - t * 5) for t in _to_1(20)], c.a, 0.16)


def cluster(c: Canvas) -> None:
    """Points in three clusters that run into each other."""
    for color, x, y in ((c.a, 5, 3.4), (c.b, 9.6, 5.4), (c.c, 11.4, 2.7)):
        for ring in (2.6, 1.8, 1.0):
            c.arc(x, y, ring, 0, 360, c.mix(color, 0.5), 0.05)
        for _ in range(70):
            c.dot(c.chance.gauss(x, 1.1), c.chance.gauss(y, 0.95), 0.1, color)


def drone(c: Canvas) -> None:
    """Small quadcopters over a plan of the ground."""
    for n in range(9):
        c.line([(8 + (n - 4) * 0.9, 4.6), (8 + (n - 4) * 2.6, 9)], c.mix(c.ink, 0.14), 0.04)
        c.line([(0, 4.7 + n * n * 0.07), (16, 4.7 + n * n * 0.07)], c.mix(c.ink, 0.14), 0.04)
    for x, y, size, color in ((4.2, 3.4, 1.0, c.b), (11.6, 2.5, 0.8, c.c), (8.2, 4.6, 1.5, c.a)):
        for side in (-1, 1):
            c.line([(x, y), (x + side * size * 1.3, y - size * 0.2)], c.ink, 0.12 * size)
            c.line([(x, y), (x + side * size * 0.7, y + size * 0.35)], c.ink, 0.1 * size)
            for dx, dy in ((1.3, -0.3), (0.7, 0.25)):
                c.box(x + side * size * dx - size * 0.5, y + size * dy - 0.06, size, 0.1, c.mix(color, 0.7), 0.05)
        c.box(x - size * 0.4, y - size * 0.22, size * 0.8, size * 0.45, color, 0.15 * size)
        c.box(x - size, 8.1 - size * 0.1, size * 2, 0.2 * size, c.mix(c.ink, 0.25), 0.1 * size)


def grid(c: Canvas) -> None:
    """A picture on a grid, and the short row of tokens that stands for it."""
    for row in range(8):
        for col in range(8):
            near = 1 - math.hypot(col - 3.3, row - 3.6) / 5.6
            color = c.mix(c.a if near > 0.55 else c.b, max(0.15, min(1, near + c.chance.uniform(-0.12, 0.12))))
            c.box(1.4 + col * 0.82, 1.3 + row * 0.82, 0.74, 0.74, color, 0.1)
    c.line([(8.5, 4.5), (9.7, 4.5)], c.ink, 0.1)
    c.shape([(10.2, 4.5), (9.6, 4.15), (9.6, 4.85)], c.ink)
    for n in range(6):
        c.box(10.9, 1.45 + n * 1.06, 3.4, 0.75, c.mix((c.a, c.b, c.c)[n % 3], 0.85), 0.2)


def video(c: Canvas) -> None:
    """A strip of film in which something moves."""
    c.box(0, 1.9, 16, 5.2, c.mix(c.ink, 0.85))
    for hole in range(14):
        for y in (2.15, 6.45):
            c.box(0.4 + hole * 1.15, y, 0.55, 0.4, c.ground, 0.1)
    for frame in range(4):
        left = 0.5 + frame * 3.85
        c.box(left, 2.9, 3.45, 3.2, c.mix(c.b, 0.3 + 0.1 * frame))
        c.box(left, 5.2, 3.45, 0.9, c.mix(c.c, 0.7))
        c.dot(left + 0.6 + frame * 0.7, 4.9 - math.sin(frame * 1.05) * 1.2, 0.42, c.a)


def glyphs(c: Canvas) -> None:
    """Lines of handwriting, some letters found."""
    for row in range(4):
        x = 1.6
        while x < 13.8:
            tall = c.chance.choice((0.4, 0.45, 0.9))
            y = 2.2 + row * 1.65
            stroke = [(x, y), (x + 0.15, y - tall), (x + 0.35, y - 0.1), (x + 0.5, y - 0.4), (x + 0.6, y)]
            c.line(stroke, c.mix(c.ink, 0.85), 0.09)
            if c.chance.random() < 0.14:
                c.frame(x - 0.15, y - 1.05, 0.9, 1.25, c.a, 0.07)
            x += 0.75 if c.chance.random() < 0.8 else 1.2


def bars(c: Canvas) -> None:
    """A benchmark: pairs of bars with their errors."""
    c.line([(2, 7.6), (14.2, 7.6)], c.ink, 0.06)
    for n in range(5):
        for side, color in enumerate((c.mix(c.ink, 0.35), c.a if n == 3 else c.b)):
            height = c.chance.uniform(2, 4) + side * c.chance.uniform(0.2, 1.8)
            x = 2.6 + n * 2.35 + side * 0.85
            c.box(x, 7.6 - height, 0.75, height, color)
            c.line([(x + 0.37, 7.3 - height), (x + 0.37, 7.9 - height)], c.ink, 0.05)


def pulse(c: Canvas) -> None:
    """A heartbeat over three colored bands."""
    for n, color in enumerate((c.a, c.b, c.c)):
        c.box(1.2, 1.5 + n * 2.1, 13.6, 1.8, c.mix(color, 0.28), 0.3)
        beat = []
        for step in range(90):
            t = step / 90 * 5 + n * 0.35
            spike = math.exp(-(((t % 1) - 0.5) ** 2) * 500) * 0.95 - math.exp(-(((t % 1) - 0.58) ** 2) * 700) * 0.4
            beat.append((1.5 + step / 90 * 13, 2.75 + n * 2.1 - spike + math.sin(t * 6) * 0.05))
        c.line(beat, color, 0.1)


def attention(c: Canvas) -> None:
    """A matrix of attention of which a few blocks are computed."""
    size = 0.44
    chosen = {(row, c.chance.randrange(row + 1)) for row in range(8)} | {(row, 0) for row in range(8)}
    for row in range(16):
        for col in range(row + 1):
            block = (row // 2, col // 2)
            color = c.mix(c.a, 0.95) if block[0] == block[1] else c.b if block in chosen else c.mix(c.ink, 0.1)
            c.box(4.5 + col * size, 1.0 + row * size, size - 0.05, size - 0.05, color)


def proof(c: Canvas) -> None:
    """Lines of a proof, indented, the last one closed."""
    indent = 0
    for row in range(7):
        indent = max(0, min(3, indent + c.chance.choice((-1, 0, 1)))) if row not in (0, 6) else 0
        x = 2.4 + indent * 1.1
        c.box(x, 1.2 + row * 0.97, 0.9, 0.42, c.a if row in (0, 6) else c.mix(c.b, 0.8), 0.15)
        c.box(x + 1.15, 1.2 + row * 0.97, c.chance.uniform(2.5, 13 - x), 0.42, c.mix(c.ink, 0.25), 0.15)
    c.box(12.9, 6.95, 0.6, 0.6, c.a)


def loop(c: Canvas) -> None:
    """A path that leaves the line, turns in itself and returns."""
    c.line([(1.2, 6.4), (14.8, 6.4)], c.mix(c.ink, 0.25), 0.1)
    for turn in range(4):
        c.arc(8, 4.1, 2.3 - turn * 0.5, 100, 440, c.mix(c.a, 1 - turn * 0.2), 0.2)
    for n in range(11):
        x = 1.6 + n * 1.28
        inside = 4 <= n <= 6
        c.dot(x, 6.4, 0.28, c.a if inside else c.b)
    for x in (6.1, 9.9):
        c.box(x - 0.12, 5.6, 0.24, 1.6, c.ink, 0.1)


def track(c: Canvas) -> None:
    """One figure followed through a crowd."""
    walk = [(1.4 + 12.4 * t, 6.4 - math.sin(t * 5) * 1.4 - t * 1.5) for t in _to_1(40)]
    for _ in range(16):
        x, y = c.chance.uniform(1, 15), c.chance.uniform(2.0, 7.6)
        c.dot(x, y, 0.26, c.mix(c.ink, 0.25))
        c.box(x - 0.28, y + 0.3, 0.56, 0.7, c.mix(c.ink, 0.25), 0.2)
    for x, y in walk[::3]:
        c.dot(x, y + 0.9, 0.1, c.b)
    x, y = walk[-1]
    c.dot(x, y - 0.5, 0.36, c.a)
    c.box(x - 0.4, y - 0.1, 0.8, 1.0, c.a, 0.25)
    c.frame(x - 0.8, y - 1.1, 1.6, 2.3, c.b, 0.09)


def defects(c: Canvas) -> None:
    """A picture with its faults framed and its left half restored."""
    c.box(2.2, 1.0, 11.6, 7.0, c.mix(c.c, 0.5))
    c.dot(10.6, 2.9, 0.95, c.mix(c.b, 0.9))
    c.shape([(2.2, 8), (5.6, 3.6), (8.2, 6.2), (10, 4.8), (13.8, 8)], c.mix(c.b, 0.65))
    for _ in range(260):
        x, y = c.chance.uniform(8.1, 13.7), c.chance.uniform(1.1, 7.9)
        c.box(x, y, 0.17, 0.17, c.mix(c.ink, c.chance.uniform(0.1, 0.6)))
    for x, y, w, h in ((8.9, 1.6, 2.6, 2.4), (11.6, 5.0, 1.7, 1.9)):
        c.frame(x, y, w, h, c.a, 0.12)
    c.line([(8, 0.7), (8, 8.3)], c.ink, 0.1)


def depth(c: Canvas) -> None:
    """A landscape in layers, the nearer the darker."""
    for layer in range(6):
        base, height = 2.2 + layer * 1.15, 1.1 - layer * 0.08
        ridge = [(x / 4, base - math.sin(x / 4 * (0.5 + layer * 0.17) + layer * 2) * height) for x in range(65)]
        c.shape([(0, 9), *ridge, (16, 9)], c.mix(c.a if layer < 2 else c.b, 0.2 + layer * 0.15))


def wave(c: Canvas) -> None:
    """A sound: its bars, louder in the middle."""
    for n in range(44):
        loud = math.exp(-(((n - 20) / 11) ** 2)) * c.chance.uniform(0.45, 1) * 3.4 + 0.15
        c.box(1.5 + n * 0.3, 4.5 - loud, 0.18, loud * 2, c.a if 14 < n < 27 else c.mix(c.b, 0.8), 0.09)


def map(c: Canvas) -> None:  # noqa: A001 - the drawings are named in the seeds
    """A floor plan, a path through it, and the view that is expected at its end."""
    rooms = ((1.5, 1.2, 4, 3), (5.5, 1.2, 5, 3), (1.5, 4.2, 6, 3.6), (7.5, 4.2, 3, 3.6), (10.5, 1.2, 4, 6.6))
    for x, y, w, h in rooms:
        c.box(x, y, w, h, c.mix(c.c, c.chance.uniform(0.15, 0.45)))
        c.box(x, y, w, h, None)
    c.line([(2.5, 6.8), (4.6, 5.6), (6.6, 5.4), (7.6, 3.6), (9.2, 2.6), (11.4, 3.2), (12.6, 5.6)], c.a, 0.16)
    c.dot(2.5, 6.8, 0.3, c.b)
    c.shape([(12.6, 5.6), (11.4, 7.5), (13.8, 7.5)], c.mix(c.a, 0.45))
    c.dot(12.6, 5.6, 0.34, c.a)


def piano(c: Canvas) -> None:
    """A roll of notes, louder ones darker."""
    for row in range(13):
        c.line([(1.2, 1.2 + row * 0.55), (14.8, 1.2 + row * 0.55)], c.mix(c.ink, 0.12), 0.03)
    pitch, x = 6.0, 1.4
    while x < 14:
        length = c.chance.choice((0.4, 0.6, 0.9, 1.5))
        pitch = max(1, min(11, pitch + c.chance.choice((-3, -2, -1, 1, 2, 3))))
        loud = c.chance.uniform(0.45, 1)
        c.box(x, 0.95 + pitch * 0.55, min(length, 14.8 - x), 0.46, c.mix(c.a, loud), 0.12)
        low = min(7.4, 1.0 + (pitch + 3.5) * 0.55)
        c.box(x, low, min(length * 0.8, 14.8 - x), 0.46, c.mix(c.b, loud * 0.8), 0.12)
        x += length * 0.9


def layers(c: Canvas) -> None:
    """Experts in layers, and the route of a token through them."""
    before = (1.4, 4.5)
    for col in range(4):
        chosen = c.chance.randrange(5)
        for row in range(5):
            x, y = 3.3 + col * 3.2, 1.1 + row * 1.4
            c.box(x, y, 1.7, 1.05, c.mix(c.a if row == chosen else c.b, 0.9 if row == chosen else 0.3), 0.2)
        to = (3.3 + col * 3.2, 1.62 + chosen * 1.4)
        c.line([before, to], c.ink, 0.08)
        before = (to[0] + 1.7, to[1])
    c.line([before, (15.3, 4.5)], c.ink, 0.08)
    c.dot(1.4, 4.5, 0.28, c.c)


DRAWINGS: dict[str, Callable[[Canvas], None]] = {
    one.__name__: one
    for one in (
        *(memory, screen, curve, humanoid, scene, tokens, shield, diffusion, arm, graph, tree, road, cluster, drone),
        *(grid, video, glyphs, bars, pulse, attention, proof, loop, track, defects, depth, wave, map, piano, layers),
    )
}


def _to_1(steps: int) -> list[float]:
    return [n / (steps - 1) for n in range(steps)]


def draw(drawing: str, seed: str) -> Image.Image:
    """The drawing of this name, in the variation of this seed."""
    canvas = Canvas(seed)
    DRAWINGS[drawing](canvas)
    return canvas.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def main() -> None:
    """Draw every seed's picture."""
    for line in (SEEDS / "papers.jsonl").read_text(encoding="utf-8").splitlines():
        paper = json.loads(line)
        picture = draw(paper["drawing"], paper["arxiv_id"])
        (SEEDS / "pictures" / f"{paper['arxiv_id']}.jpg").write_bytes(_small(picture))


def _small(picture: Image.Image) -> bytes:
    """The picture as a JPEG of at most 10 KB, in the best quality that this allows."""
    for quality in range(_QUALITY, 0, -6):
        written = io.BytesIO()
        picture.save(written, "JPEG", quality=quality, optimize=True, progressive=True)
        if written.tell() <= _MAX_BYTES:
            break
    return written.getvalue()


if __name__ == "__main__":
    main()
