"""The photographer: rays, shadows, light on plastic and steel.

Knows how a scene becomes light on a sensor. Does not know who stands in it, nor what the lens and
the film do to that light (``lens.py``).

Rays are marched through the figure's distance field (Hart 1996, "Sphere tracing") in square tiles
of the picture; each tile looks only at the parts whose bounding spheres its rays can meet, which
keeps the arrays small enough for the cache of one core. Soft shadows take the narrowest angle
between ray and figure on the way to the light (Quilez, "Soft shadows in raymarched SDFs"). It is
made to look right, not to be right: no light bounces, but the floor's colour is added from below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toys.lens import defocus, find_edges, shrink
from toys.paint import step
from toys.shapes import Array, Vector, column, length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from toys.backdrop import Backdrop
    from toys.body import Frames, Part

_TILE = 48
_STEPS = 56
_NEAR = 0.0012
_SHADOW_REACH = 4.2


@dataclass(frozen=True, slots=True)
class View:
    """Where the camera stands and what it looks at; degrees, and units of the figure."""

    azimuth: float
    elevation: float
    distance: float = 7.0
    target: Vector = (0.0, 0.95, 0.0)
    shift: float = 0.0  # of the picture, sideways, as a share of its width
    roll: float = 0.0
    opening: float = 20.0  # the full angle of view


@dataclass(frozen=True, slots=True)
class Light:
    """The main lamp, seen from the camera (degrees to the right and up), and the room's light."""

    side: float = -40.0
    height: float = 45.0
    key: Vector = (2.5, 2.4, 2.2)
    room: Vector = (0.55, 0.58, 0.64)
    softness: float = 9.0  # of the shadow's edge; smaller is softer


@dataclass(frozen=True, slots=True)
class _Solid:
    part: Part
    turn: Array
    origin: Array
    centre: Array
    radius: float

    def local(self, points: Array) -> Array:
        return self.turn.T @ (points - self.origin)


class Scene:
    """A posed figure, ready to be asked for distances."""

    def __init__(self, parts: Sequence[Part], frames: Frames) -> None:
        self.solids = []
        for part in parts:
            turn, origin = frames[part.joint]
            centre = turn @ column(part.shape.centre) + column(origin)
            self.solids.append(_Solid(part, turn, column(origin), centre, part.shape.radius * 1.02))
        corners = np.hstack([s.centre for s in self.solids])
        self.centre = corners.mean(axis=1, keepdims=True)
        reach = length(corners - self.centre) + [s.radius for s in self.solids]
        self.radius = float(reach.max())

    def measure(self) -> tuple[float, float]:
        """Return how wide (from the middle, doubled) and how high the figure is, to about 0.05."""
        line = np.linspace(-1.0, 1.0, 23, dtype=np.float32)
        high = np.linspace(0.0, 2.6, 53, dtype=np.float32)
        x, y, z = (v.ravel() for v in np.meshgrid(line, high, line))
        points = np.stack((x, y, z)).astype(np.float32)
        inside = points[:, _distance(self.solids, points) < 0.03]
        return 2.0 * float(length(inside[[0, 2]]).max()), float(inside[1].max())

    def near_rays(self, start: Array, along: Array, margin: float = 0.0) -> list[_Solid]:
        """Return the parts whose bounding spheres any of the rays comes close to."""
        return [
            s for s in self.solids if bool(_passes(start, along, s.centre, s.radius + margin).any())
        ]

    def near_points(self, points: Array, margin: float) -> list[_Solid]:
        """Return the parts that are close to a cloud of points."""
        middle = points.mean(axis=1, keepdims=True)
        spread = float(length(points - middle).max())
        return [
            s
            for s in self.solids
            if float(length(s.centre - middle)[0]) < s.radius + spread + margin
        ]


def _passes(start: Array, along: Array, centre: Array, radius: float) -> NDArray[np.bool_]:
    to_centre = centre - start
    nearest = np.maximum((to_centre * along).sum(axis=0), 0.0)
    return length(to_centre - along * nearest) < radius


def _distance(solids: Sequence[_Solid], points: Array) -> Array:
    found = np.full(points.shape[1], 9.0, np.float32)
    for solid in solids:
        np.minimum(found, solid.part.shape.distance(solid.local(points)), out=found)
    return found


def _nearest(solids: Sequence[_Solid], points: Array) -> NDArray[np.intp]:
    gaps = np.stack([s.part.shape.distance(s.local(points)) for s in solids])
    result: NDArray[np.intp] = np.argmin(gaps, axis=0)
    return result


def _march(solids: Sequence[_Solid], eye: Array, along: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return how far each ray goes until it meets a part, and whether it does."""
    enter = np.full(along.shape[1], np.inf, np.float32)
    leave = np.zeros(along.shape[1], np.float32)
    for solid in solids:
        to_centre = solid.centre - eye
        middle = (to_centre * along).sum(axis=0)
        half = solid.radius**2 - ((to_centre - along * middle) ** 2).sum(axis=0)
        meets = half > 0
        half = np.sqrt(np.maximum(half, 0.0))
        enter = np.where(meets, np.minimum(enter, middle - half), enter)
        leave = np.where(meets, np.maximum(leave, middle + half), leave)
    far, hit = np.where(np.isfinite(enter), enter, 0.0), np.zeros(along.shape[1], bool)
    alive = np.flatnonzero(leave > 0)
    for _ in range(_STEPS):
        if alive.size == 0:
            break
        gap = _distance(solids, eye + along[:, alive] * far[alive])
        far[alive] += 0.88 * gap
        close = gap < _NEAR
        hit[alive[close]] = True
        alive = alive[~close & (far[alive] < leave[alive])]
    else:
        hit[alive[_distance(solids, eye + along[:, alive] * far[alive]) < 4 * _NEAR]] = True
    return far, hit


def _normals(solids: Sequence[_Solid], points: Array) -> Array:
    offset = 0.0016
    total = np.zeros_like(points)
    for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        side = column(corner)
        total += side * _distance(solids, points + side * offset)
    return total / np.maximum(length(total), 1e-9)


def _shadow(scene: Scene, points: Array, lamp: Array, softness: float) -> Array:
    """Return the share of the lamp that each point sees, 0..1."""
    seen = np.ones(points.shape[1], np.float32)
    margin = _SHADOW_REACH / softness
    near = np.flatnonzero(_passes(points, lamp, scene.centre, scene.radius + margin))
    for at in range(0, near.size, _TILE * _TILE):
        chunk = near[at : at + _TILE * _TILE]
        start = points[:, chunk]
        solids = scene.near_rays(start, np.broadcast_to(lamp, start.shape), margin)
        if solids:
            seen[chunk] = _march_shadow(solids, start, lamp, softness)
    return seen


def _march_shadow(solids: Sequence[_Solid], start: Array, lamp: Array, softness: float) -> Array:
    share = np.ones(start.shape[1], np.float32)
    far = np.full(start.shape[1], 0.03, np.float32)
    alive = np.arange(start.shape[1])
    for _ in range(36):
        gap = _distance(solids, start[:, alive] + lamp * far[alive])
        share[alive] = np.minimum(share[alive], softness * gap / far[alive])
        far[alive] += np.clip(gap * 0.85, 0.02, 0.3)
        alive = alive[(share[alive] > 0.004) & (far[alive] < _SHADOW_REACH)]
        if alive.size == 0:
            break
    share = np.clip(share, 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def _occlusion(scene: Scene, points: Array, normals: Array) -> Array:
    """Return how much of the room's light reaches each point, 0..1."""
    solids = scene.near_points(points, 0.5)
    hidden = np.zeros(points.shape[1], np.float32)
    for height, weight in ((0.04, 3.2), (0.11, 1.8), (0.24, 1.0), (0.46, 0.5)):
        at = points + normals * height
        gap = np.minimum(_distance(solids, at), np.maximum(at[1], 0.0))
        hidden += weight * np.maximum(height - gap, 0.0)
    result: Array = np.exp(-1.15 * hidden)
    return result


class Photographer:
    """Takes one picture of a scene in a place."""

    def __init__(self, scene: Scene, view: View, light: Light, backdrop: Backdrop) -> None:
        self.scene, self.light, self.backdrop, self.view = scene, light, backdrop, view
        turn, up = np.radians(view.azimuth), np.radians(view.elevation)
        back = np.array((np.sin(turn) * np.cos(up), np.sin(up), np.cos(turn) * np.cos(up)))
        self.target = column(view.target)
        self.eye = self.target + column((back * view.distance).astype(np.float32))
        self.forward = column((-back).astype(np.float32))
        right = np.array((np.cos(turn), 0.0, -np.sin(turn)))
        above = np.cross(back, right)
        roll = np.radians(view.roll)
        self.right = column((right * np.cos(roll) + above * np.sin(roll)).astype(np.float32))
        self.up = column((above * np.cos(roll) - right * np.sin(roll)).astype(np.float32))
        side, height = np.radians(view.azimuth + light.side), np.radians(light.height)
        lamp = (np.sin(side) * np.cos(height), np.sin(height), np.cos(side) * np.cos(height))
        self.lamp = column(np.array(lamp, np.float32))
        self.key, self.room = column(light.key), column(light.room)
        self.level = column(np.array((-back[0], 0, -back[2])) / np.hypot(back[0], back[2]))
        self.bounce = self.room

    def take(self, size: int, finer: int = 2) -> Array:
        """Return the picture as linear light, [size, size, 3], from finer x finer rays a pixel."""
        along = self._rays(size * finer)  # [3, S * S]
        place, depth = self._take_place(along, size, finer)
        mean = place.mean(axis=1, keepdims=True)
        self.bounce = 0.35 * mean + 0.25 * self.room
        figure, alpha = self._take_figure(along, size, finer)
        layers = [shrink(v, size, finer) for v in (place, figure, alpha, depth)]
        far, near, cover, away = layers
        far = defocus(far, away[..., 0], self.view.distance, size)
        return far * (1.0 - cover) + near

    def _rays(self, size: int) -> Array:
        half = np.tan(np.radians(self.view.opening) / 2)
        line = (((np.arange(size, dtype=np.float32) + 0.5) / size) * 2 - 1) * np.float32(half)
        x, y = (v.ravel() for v in np.meshgrid(line + self.view.shift * half, -line))
        along = self.forward + self.right * x + self.up * y
        result: Array = (along / length(along)).astype(np.float32)
        return result

    def _take_place(self, along: Array, size: int, finer: int) -> tuple[Array, Array]:
        """Return the picture without the figure but with its shadow, [3, N], and depths [1, N]."""
        backdrop = self.backdrop
        gap = backdrop.away - float(((self.eye - self.target) * self.level).sum())
        to_wall = gap / np.maximum((along * self.level).sum(axis=0), 1e-3)
        down = np.minimum(along[1], -1e-4)
        to_floor = np.where(along[1] < -1e-4, -self.eye[1] / down, np.inf)
        on_floor = to_floor < to_wall
        depth = np.minimum(to_wall, np.where(on_floor, to_floor, np.inf)).astype(np.float32)
        points = self.eye + along * depth
        sideways = (points * column((-self.level[2, 0], 0, self.level[0, 0]))).sum(axis=0)
        colour = backdrop.wall(sideways, points[1])
        colour = np.where(on_floor, backdrop.floor(points[0], points[2]), colour)
        if backdrop.sweep:
            lit = np.ones(points.shape[1], np.float32)  # no edge between floor and wall
        else:
            lit = np.where(on_floor, 1.0, 0.78 if not backdrop.glow else 1.0).astype(np.float32)
        shadow, open_sky = self._shade_floor(points, on_floor, size, finer)
        pool = 0.72 + 0.28 * np.exp(-0.06 * (length(points - self.target) ** 2))
        key = self.key * (float(self.lamp[1, 0]) * 0.5 + 0.22)
        result = colour * (key * shadow + self.room * open_sky) * lit * pool
        return result.astype(np.float32), depth[None]

    def _shade_floor(
        self, points: Array, on_floor: NDArray[np.bool_], size: int, finer: int
    ) -> tuple[Array, Array]:
        """Return the shares of the lamp's and the room's light, [N] each, from one ray a pixel."""
        some = np.arange((size * finer) ** 2).reshape(size, finer, size, finer)[:, 0, :, 0].ravel()
        ground, lit = points[:, some], on_floor[some]
        shadow, open_sky = np.ones_like(ground[0]), np.ones_like(ground[0])
        near = np.flatnonzero(lit & (length(ground) < 5.0))
        if near.size:
            shadow[near] = _shadow(self.scene, ground[:, near], self.lamp, self.light.softness)
        feet = np.flatnonzero(lit & (length(ground) < 1.6))
        if feet.size:
            normals = np.broadcast_to(column((0, 1, 0)), (3, feet.size))
            open_sky[feet] = _occlusion(self.scene, ground[:, feet], normals)
        cells = (
            np.kron(v.reshape(size, size), np.ones((finer, finer))) for v in (shadow, open_sky)
        )
        first, second = (v.ravel().astype(np.float32) for v in cells)
        return first, second

    def _take_figure(self, along: Array, size: int, finer: int) -> tuple[Array, Array]:
        """Return the figure's light times its cover [3, N], and its cover [1, N]."""
        colour = np.zeros_like(along)
        cover = np.zeros((1, along.shape[1]), np.float32)
        cells = np.arange(along.shape[1]).reshape(size, finer, size, finer)
        rays = cells.transpose(0, 2, 1, 3).reshape(size, size, finer * finer)
        first, others = rays[..., 0], rays[..., 1:]
        self._trace(along, rays[..., :1], np.ones((size, size), bool), (colour, cover))
        # Where one ray tells what its neighbours tell, the pixel's other rays would tell no more.
        rough = find_edges(np.vstack((colour[:, first], cover[:, first])))
        plain = first[~rough][:, None]
        colour[:, others[~rough]] = colour[:, plain]
        cover[:, others[~rough]] = cover[:, plain]
        self._trace(along, others, rough, (colour, cover))
        return colour, cover

    def _trace(
        self,
        along: Array,
        rays: NDArray[np.intp],
        wanted: NDArray[np.bool_],
        into: tuple[Array, Array],
    ) -> None:
        """Trace some rays [size, size, k] of the pixels that are wanted, tile by tile."""
        size = len(rays)
        for top in range(0, size, _TILE):
            for left in range(0, size, _TILE):
                place = np.s_[top : top + _TILE, left : left + _TILE]
                chosen = rays[place][wanted[place]].ravel()
                solids = self.scene.near_rays(self.eye, along[:, chosen]) if chosen.size else []
                if not solids:
                    continue
                far, hit = _march(solids, self.eye, along[:, chosen])
                seen = chosen[hit]
                if seen.size:
                    light = self._shade(solids, along[:, seen], far[hit])
                    into[0][:, seen] = np.minimum(light, 3.0)  # one spark must not fill a pixel
                    into[1][0, seen] = 1.0

    def _shade(self, solids: Sequence[_Solid], along: Array, far: Array) -> Array:
        points = self.eye + along * far
        normals = _normals(solids, points)
        albedo, (gloss, metal, glow) = self._paint(solids, points)
        seen = _shadow(self.scene, points + normals * 0.012, self.lamp, self.light.softness)
        open_sky = _occlusion(self.scene, points, normals)
        facing = np.clip((normals * self.lamp).sum(axis=0) * 0.92 + 0.08, 0.0, 1.0)
        share = 0.5 + 0.5 * normals[1]
        room = self.bounce + (self.room - self.bounce) * share
        other = np.clip(-(normals * self.lamp).sum(axis=0) * 0.5 + 0.1, 0, 1) * 0.16
        diffuse = albedo * (self.key * facing * seen + (room * 1.25 + self.key * other) * open_sky)
        cosine = np.clip(-(normals * along).sum(axis=0), 0.0, 1.0)
        mirror = along + 2 * cosine * normals
        base = 0.04 + (albedo - 0.04) * metal
        fresnel = base + (1 - base) * (1 - cosine) ** 5 * (0.25 + 0.6 * gloss)
        shine = self._reflect(mirror, gloss, metal, seen) * fresnel * open_sky
        colour = diffuse * (1 - 0.82 * metal) * (1 - fresnel) + shine + albedo * glow
        result: Array = colour.astype(np.float32)
        return result

    def _paint(self, solids: Sequence[_Solid], points: Array) -> tuple[Array, Array]:
        which = _nearest(solids, points)
        albedo = np.zeros_like(points)
        finish = np.zeros((3, points.shape[1]), np.float32)
        for number, solid in enumerate(solids):
            mine = np.flatnonzero(which == number)
            if mine.size:
                part = solid.part
                albedo[:, mine] = part.paint(solid.local(points[:, mine]))
                surface = (part.finish.gloss, part.finish.metal, part.finish.glow)
                finish[:, mine] = column(surface)
        return albedo, finish

    def _reflect(self, mirror: Array, gloss: Array, metal: Array, seen: Array) -> Array:
        """What a surface mirrors: a room, brighter above, with a square lamp and a strip."""
        soft = 0.75 - 0.68 * gloss
        up = step(mirror[1], 0.02, 0.35)
        room = self.bounce * 0.7 + (self.room * 1.5 - self.bounce * 0.7) * up
        side = np.cross(self.lamp[:, 0], (0.0, 1.0, 0.0))
        side = side / np.linalg.norm(side)
        top = np.cross(side, self.lamp[:, 0])
        total = room * (0.5 + 0.5 * gloss + 0.7 * metal)
        for axis_a, axis_b, middle, wide, high, power in (
            (side, top, self.lamp[:, 0], 0.3, 0.38, 1.0),
            (side, top, self._strip(), 0.16, 0.7, 0.4),
        ):
            ahead = np.maximum((mirror * column(middle)).sum(axis=0), 1e-3)
            a = np.abs((mirror * column(axis_a)).sum(axis=0) / ahead)
            b = np.abs((mirror * column(axis_b)).sum(axis=0) / ahead)
            lamp = np.clip((wide + soft - a) / (2 * soft), 0, 1) * np.clip(
                (high + soft - b) / (2 * soft), 0, 1
            )
            total = total + self.key * (
                lamp * power * (0.6 + 5.5 * gloss * gloss) * (0.25 + 0.75 * seen)
            )
        return total

    def _strip(self) -> Array:
        away = self.right * (1.0 if self.light.side < 0 else -1.0) - self.forward * 0.25
        away = away + column((0, 0.45, 0))
        return (away / length(away))[:, 0]
