"""Solid shapes as signed distance fields, and how they are moved, cut and melted together.

Knows geometry. Does not know colours, cameras or figures.

A distance is negative inside, and at most a little wrong outside (the bounds of the ellipsoid and
of the tapered rod are not exact), which the ray marcher allows for by taking shorter steps. The
formulas are those of Quilez, "Distance functions" (https://iquilezles.org/articles/distfunctions),
written anew for arrays. Units: a figure is about 1.8 high; y points up, z to the figure's front.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

Array = NDArray[np.floating[Any]]
Vector = tuple[float, float, float]
Axis = Literal["x", "y", "z"]
_AXES: dict[Axis, int] = {"x": 0, "y": 1, "z": 2}


def rotation(axis: Axis, degrees: float) -> Array:
    """Return the [3, 3] matrix of a right-handed turn about an axis."""
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3, dtype=np.float32)
    matrix[[first, second], [first, second]] = cosine
    matrix[first, second], matrix[second, first] = -sine, sine
    return matrix


def column(vector: Vector | Array) -> Array:
    """Return a vector as [3, 1], to stand beside points [3, N]."""
    return np.asarray(vector, np.float32).reshape(3, 1)


def length(points: Array) -> Array:
    """Return the length of each of [3, N] vectors as [N]."""
    result: Array = np.sqrt(np.einsum("ij,ij->j", points, points))
    return result


@dataclass(frozen=True, slots=True)
class Shape:
    """A solid.

    Attributes:
        distance: [3, N] points -> [N] signed distances.
        centre: Of a sphere that holds the solid.
        radius: Of that sphere.
    """

    distance: Callable[[Array], Array]
    centre: Vector
    radius: float

    def at(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Shape:
        """Return the solid moved."""
        offset, inner = column((x, y, z)), self.distance
        moved = np.add(self.centre, (x, y, z))
        return Shape(lambda p: inner(p - offset), _vector(moved), self.radius)

    def turned(self, axis: Axis, degrees: float) -> Shape:
        """Return the solid turned about the origin."""
        matrix, inner = rotation(axis, degrees), self.distance
        return Shape(lambda p: inner(matrix.T @ p), _vector(matrix @ self.centre), self.radius)

    def squashed(self, x: float = 1.0, y: float = 1.0, z: float = 1.0) -> Shape:
        """Return the solid stretched about the origin along each axis."""
        factors, inner, least = column((x, y, z)), self.distance, min(x, y, z)
        centre = _vector(np.multiply(self.centre, (x, y, z)))
        return Shape(lambda p: inner(p / factors) * least, centre, self.radius * max(x, y, z))

    def plus(self, other: Shape, melt: float = 0.0) -> Shape:
        """Return both solids as one, melted together over about ``melt``."""
        first, second = self.distance, other.distance
        gap = float(np.linalg.norm(np.subtract(other.centre, self.centre)))
        radius = max(self.radius, gap + other.radius) + melt
        return Shape(lambda p: _smooth_least(first(p), second(p), melt), self.centre, radius)

    def minus(self, other: Shape, melt: float = 0.0) -> Shape:
        """Return the solid without the other, the edge rounded over about ``melt``."""
        first, second = self.distance, other.distance
        return Shape(lambda p: -_smooth_least(-first(p), second(p), melt), self.centre, self.radius)

    def cut(self, axis: Axis, above: float | None = None, below: float | None = None) -> Shape:
        """Return the solid without what lies above or below a plane."""
        index, inner = _AXES[axis], self.distance

        def distance(p: Array) -> Array:
            found = inner(p)
            if above is not None:
                found = np.maximum(found, p[index] - above)
            if below is not None:
                found = np.maximum(found, below - p[index])
            return found

        return Shape(distance, self.centre, self.radius)

    def mirrored(self) -> Shape:
        """Return the solid and its image at x = 0 as one."""
        inner = self.distance
        away = abs(self.centre[0])

        def distance(p: Array) -> Array:
            folded = p.copy()
            np.abs(p[0], out=folded[0])
            return inner(folded)

        return Shape(distance, (0.0, *self.centre[1:]), self.radius + away)

    def repeated(self, count: int) -> Shape:
        """Return the solid, which points up, repeated around the z axis like petals."""
        inner, sector = self.distance, 2.0 * np.pi / count

        def distance(p: Array) -> Array:
            radius, angle = np.hypot(p[0], p[1]), np.arctan2(p[0], p[1])
            angle -= sector * np.rint(angle / sector)
            return inner(np.stack((radius * np.sin(angle), radius * np.cos(angle), p[2])))

        away = float(np.linalg.norm(self.centre))
        return Shape(distance, (0.0, 0.0, 0.0), self.radius + away)


def _vector(values: NDArray[np.generic]) -> Vector:
    x, y, z = (float(v) for v in values)
    return (x, y, z)


def _smooth_least(first: Array, second: Array, melt: float) -> Array:
    if melt <= 0.0:
        return np.minimum(first, second)
    near = np.maximum(melt - np.abs(first - second), 0.0) / melt
    return np.minimum(first, second) - near * near * (melt * 0.25)


def sphere(radius: float) -> Shape:
    """A ball."""
    return Shape(lambda p: length(p) - radius, (0, 0, 0), radius)


def ellipsoid(x: float, y: float, z: float) -> Shape:
    """A ball of three radii."""
    longest = max(x, y, z)
    once, twice = column((1 / x, 1 / y, 1 / z)), column((x**-2, y**-2, z**-2))

    def distance(p: Array) -> Array:
        near = length(p * once)
        gap = near * (near - 1.0) / np.maximum(length(p * twice), 1e-6)
        # Beside the rim of a flat one the quotient is far too small; a ball around it is not.
        result: Array = np.maximum(gap, length(p) - longest)
        return result

    return Shape(distance, (0, 0, 0), longest)


def rod(start: Vector, end: Vector, first: float, last: float | None = None) -> Shape:
    """A rod with round ends, of radius ``first`` at its start and ``last`` at its end."""
    a, along = column(start), column(end) - column(start)
    squared = float((along * along).sum())
    taper = (first if last is None else last) - first

    def distance(p: Array) -> Array:
        from_a = p - a
        part = np.clip((from_a * along).sum(axis=0) / squared, 0.0, 1.0)
        result: Array = length(from_a - along * part) - (first + taper * part)
        return result

    centre = _vector(np.add(start, end) / 2.0)
    return Shape(distance, centre, squared**0.5 / 2.0 + max(first, first + taper))


def box(x: float, y: float, z: float, edge: float = 0.02) -> Shape:
    """A block of these half sizes with edges rounded by ``edge``."""
    half = column((x - edge, y - edge, z - edge))

    def distance(p: Array) -> Array:
        away = np.abs(p) - half
        result: Array = length(np.maximum(away, 0.0)) + np.minimum(away.max(axis=0), 0.0) - edge
        return result

    return Shape(distance, (0, 0, 0), float(np.linalg.norm((x, y, z))))


def cone(low: float, high: float, half: float, edge: float = 0.015) -> Shape:
    """An upright cut cone: radius ``low`` at the bottom, ``high`` at the top, half its height."""
    slope = (low - high) / (2.0 * half)
    norm = (1.0 + slope * slope) ** -0.5
    middle = (low + high) / 2.0

    def distance(p: Array) -> Array:
        round_axis = np.sqrt(p[0] * p[0] + p[2] * p[2])
        side = (round_axis - middle + slope * p[1]) * norm + edge
        cap = np.abs(p[1]) - (half - edge)
        outside = np.sqrt(np.maximum(side, 0.0) ** 2 + np.maximum(cap, 0.0) ** 2)
        result: Array = outside + np.minimum(np.maximum(side, cap), 0.0) - edge
        return result

    return Shape(distance, (0, 0, 0), float(np.hypot(max(low, high), half)))


def cylinder(radius: float, half: float, edge: float = 0.015) -> Shape:
    """An upright cylinder of half its height, its rims rounded by ``edge``."""
    return cone(radius, radius, half, edge)


def torus(ring: float, tube: float) -> Shape:
    """A lying ring."""

    def distance(p: Array) -> Array:
        round_axis = np.sqrt(p[0] * p[0] + p[2] * p[2]) - ring
        result: Array = np.sqrt(round_axis * round_axis + p[1] * p[1]) - tube
        return result

    return Shape(distance, (0, 0, 0), ring + tube)
