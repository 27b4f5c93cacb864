"""Toy figures in suits and steel: astronaut, diver, firefighter, robot and the two knights.

Knows costumes and what the hands hold. Does not know poses, light or cameras. All of them are our
own designs: wooden-doll bodies in the clothes of a trade.
"""

from __future__ import annotations

from toys.body import Part, both, make_arms, make_hair, make_head, make_legs, make_torso
from toys.paint import (
    BRASS,
    MATT,
    PLASTIC,
    SHINY,
    STEEL,
    Finish,
    any_of,
    band,
    disc,
    discs,
    over,
    patch,
    plain,
    star,
    step,
    stripes,
)
from toys.shapes import box, cone, cylinder, ellipsoid, rod, sphere, torus


def astronaut() -> list[Part]:
    """White suit, navy visor, orange bands, a flag."""
    white, orange = "#eef0f3", "#f26a1b"
    suit = over(plain(white), (band(0.02, 0.075), "#9aa4b1"))
    sleeve = over(plain(white), (band(-0.2, -0.14), orange))
    leg = over(plain(white), (band(-0.26, -0.19), orange))
    helmet = sphere(0.43).at(y=0.02)
    visor = ellipsoid(0.34, 0.29, 0.305).at(0, 0.02, 0.2)
    ring = ellipsoid(0.37, 0.345, 0.27).at(0, 0.02, 0.2)
    dials = over(
        plain("#c9d0d8"),
        (discs([(-0.07, 0.33)], 0.026), "#d92f2f"),
        (discs([(0.0, 0.33)], 0.026), "#f4c020"),
        (discs([(0.07, 0.33)], 0.026), "#2f9e58"),
        (patch(0, 0.255, 0.09, 0.02), "#25364d"),
    )
    flag = over(plain("#2f6fd0"), (star(0.13, 0.5, 0.085), "#ffd84d"))
    return [
        *make_torso(suit, belly=0.285),
        *make_arms(sleeve, plain(orange)),
        *make_legs(leg, plain("#8a94a3")),
        Part("head", helmet, plain(white), SHINY),
        Part("head", visor, plain("#10264a"), Finish(1.0)),
        Part("head", ring, plain(orange), PLASTIC),
        *[
            Part("head", cylinder(0.09, 0.05).turned("z", 90).at(x, 0.02, 0), plain(orange))
            for x in (0.42, -0.42)
        ],
        Part("torso", box(0.14, 0.1, 0.05, 0.03).at(0, 0.29, 0.2), dials),
        Part("torso", box(0.2, 0.25, 0.1, 0.05).at(0, 0.3, -0.27), plain("#c9d0d8")),
        Part("torso", torus(0.2, 0.05).at(y=0.56), plain("#9aa4b1")),
        Part("right hand", rod((0, -0.2, 0), (0, 0.62, 0), 0.018), plain("#d8dbe0"), SHINY),
        Part("right hand", box(0.125, 0.1, 0.012, 0.01).at(0.135, 0.5, 0), flag, MATT),
    ]


def knight(main: str, trim: str, *, emblem: str) -> list[Part]:
    """Steel, a tabard in the colour of the house, sword and shield."""
    steel = plain("#c3c9d2")
    if emblem == "star":
        sign, shield_sign = star(0, 0.27, 0.12, 4), star(0, 0.06, 0.17, 4)
    else:
        sign = patch(0, 0.27, 0.035, 0.3)
        shield_sign = any_of(patch(0, 0.05, 0.04, 0.4), patch(0, 0.08, 0.4, 0.04))
    tabard = over(plain(main), (sign, trim), (band(-0.02, 0.045), "#5b3a22"))
    helm = ellipsoid(0.41, 0.39, 0.4).at(y=0.04)
    window = box(0.27, 0.19, 0.3, 0.12).at(0, -0.06, 0.36)
    helm = helm.minus(window, 0.03).cut("y", below=-0.3)
    plume = rod((0, 0.4, 0.12), (0, 0.56, -0.1), 0.06, 0.1)
    plume = plume.plus(rod((0, 0.56, -0.1), (0, 0.36, -0.42), 0.1, 0.04), 0.08)
    shield = ellipsoid(0.23, 0.3, 0.08).at(y=0.04)
    face_of_shield = over(
        plain(main),
        (shield_sign, trim),
        (lambda p: step((p[0] / 0.23) ** 2 + ((p[1] - 0.04) / 0.3) ** 2, 0.8, 0.02), "#c3c9d2"),
    )
    return [
        *make_torso(tabard, MATT),
        Part("torso", cone(0.3, 0.24, 0.13).squashed(z=0.88).at(y=-0.04), tabard, MATT),
        *make_arms(steel, plain("#7d8592"), STEEL),
        *make_legs(steel, plain("#7d8592"), STEEL),
        *both("arm", ellipsoid(0.13, 0.11, 0.13).at(y=0.02), steel, STEEL),
        *make_head("#f0c49d"),
        Part("head", helm, steel, STEEL),
        Part("head", rod((0, 0.16, 0.385), (0, -0.02, 0.4), 0.026), steel, STEEL),
        Part("head", plume, plain(main), MATT),
        Part("right hand", box(0.036, 0.3, 0.012, 0.01).at(y=0.42), plain("#dfe4ea"), STEEL),
        Part("right hand", rod((-0.11, 0.11, 0), (0.11, 0.11, 0), 0.026), plain("#d9a93a"), BRASS),
        Part("right hand", rod((0, -0.12, 0), (0, 0.1, 0), 0.026), plain("#4a2f1c"), MATT),
        Part("left hand", shield.at(0.02, 0, 0.1), face_of_shield, SHINY),
    ]


def blue_knight() -> list[Part]:
    """The knight of the blue house: a white star."""
    return knight("#2458c5", "#f4f6fa", emblem="star")


def red_knight() -> list[Part]:
    """The knight of the red house: a golden bar and cross."""
    return knight("#c4202a", "#f2c230", emblem="bar")


def diver() -> list[Part]:
    """Canvas suit, copper helmet with round windows, lead shoes, a starfish."""
    canvas = over(plain("#c2a878"), (stripes(0.14, 0.1), "#a38a5c"))
    copper = plain("#d98a52")
    starfish = rod((0, 0.02, 0), (0, 0.17, 0), 0.065, 0.022).repeated(5)
    windows = []
    for turn, radius in ((0, 0.19), (82, 0.135), (-82, 0.135)):
        glass = ellipsoid(radius, radius, 0.06).at(0, 0.03, 0.375).turned("y", turn)
        rim = torus(radius, 0.042).turned("x", 90).at(0, 0.03, 0.375).turned("y", turn)
        windows += [
            Part("head", glass, plain("#12303a"), Finish(1.0)),
            Part("head", rim, plain("#e2b457"), BRASS),
        ]
    return [
        *make_torso(canvas, MATT, belly=0.29),
        *make_arms(canvas, plain("#6f4a2d"), MATT),
        *make_legs(canvas, plain("#5d636b"), MATT),
        Part("head", sphere(0.4).at(y=0.02), copper, BRASS),
        Part("head", cylinder(0.09, 0.05).at(y=0.43), plain("#e2b457"), BRASS),
        *windows,
        Part("torso", cone(0.31, 0.2, 0.075, 0.04).squashed(z=0.9).at(y=0.5), copper, BRASS),
        Part("torso", torus(0.275, 0.04).squashed(z=0.88).at(y=0.09), plain("#4b3322"), MATT),
        Part("torso", box(0.075, 0.07, 0.05, 0.02).at(0, 0.09, 0.25), plain("#7d858f"), STEEL),
        Part("right hand", starfish.at(0, 0.12, 0.06), plain("#f2703c"), MATT),
    ]


def firefighter() -> list[Part]:
    """Dark coat with bright bands, red helmet, an axe."""
    coat = over(
        plain("#27303f"),
        (band(0.06, 0.13), "#e6e94a"),
        (band(0.083, 0.107), "#d7dce2"),
        (band(0.3, 0.37), "#e6e94a"),
        (band(0.323, 0.347), "#d7dce2"),
    )
    sleeve = over(plain("#27303f"), (band(-0.2, -0.14), "#e6e94a"))
    leg = over(plain("#27303f"), (band(-0.27, -0.21), "#e6e94a"))
    shell = ellipsoid(0.4, 0.36, 0.41).at(y=0.1).cut("y", below=0.12)
    brim = ellipsoid(0.47, 0.045, 0.52).at(0, 0.13, -0.03)
    crest = ellipsoid(0.035, 0.41, 0.4).at(0, 0.12, -0.02).cut("y", below=0.15)
    badge = over(plain("#f2c230"), (disc(0, 0.3, 0.05), "#c41f1f"))
    blade = box(0.12, 0.085, 0.016, 0.012).at(0.1, 0.4, 0)
    return [
        *make_torso(coat, MATT, belly=0.285),
        *make_arms(sleeve, plain("#3d3a38"), MATT),
        *make_legs(leg, plain("#191a1d"), MATT),
        *make_head("#8d5a3b", brows="#1d1512"),
        *make_hair("#1d1512"),
        Part("head", shell.plus(brim, 0.03), plain("#d3221f"), SHINY),
        Part("head", crest, plain("#b01715"), SHINY),
        Part("head", box(0.085, 0.1, 0.03, 0.025).at(0, 0.29, 0.36), badge, SHINY),
        Part("torso", torus(0.17, 0.06).at(y=0.53), plain("#e6e94a"), MATT),
        Part("right hand", rod((0, -0.22, 0), (0, 0.48, 0), 0.024), plain("#d9b27a"), MATT),
        Part("right hand", blade, plain("#cf2420"), SHINY),
        Part(
            "right hand", rod((-0.02, 0.4, 0), (-0.14, 0.4, 0), 0.03, 0.01), plain("#cf2420"), SHINY
        ),
    ]


def robot() -> list[Part]:
    """Teal boxes, glowing eyes, a dial on the chest."""
    teal, dark, warm = plain("#2aa198"), plain("#39424e"), Finish(0.5, glow=1.6)
    chest = over(
        teal,
        (patch(0, 0.3, 0.17, 0.12), "#e9edf0"),
        (disc(-0.07, 0.3, 0.062), "#33404e"),
        (disc(-0.07, 0.3, 0.045), "#f4f6f8"),
        (discs([(0.07, 0.345)], 0.028), "#e23b34"),
        (discs([(0.07, 0.255)], 0.028), "#f3b31f"),
        (any_of(*(patch(0, y, 0.12, 0.011) for y in (0.02, 0.06, 0.1))), "#1b6f69"),
    )
    face = over(
        teal, (patch(0, 0.045, 0.265, 0.13), "#243038"), (patch(0, -0.19, 0.14, 0.05), "#e9edf0")
    )
    face = over(
        face, (any_of(*(patch(x, -0.19, 0.009, 0.05) for x in (-0.07, 0, 0.07))), "#243038")
    )
    ribs = over(plain("#aab4bf"), (stripes(0.06, 0.35), "#6d7884"))
    claw = torus(0.085, 0.04).turned("x", 90).at(y=-0.4).cut("y", below=-0.455)
    return [
        Part("torso", box(0.285, 0.25, 0.2, 0.07).at(y=0.26), chest),
        Part("torso", cylinder(0.1, 0.08).at(y=0.55), ribs),
        *both("arm", sphere(0.12), plain("#f3b31f"), PLASTIC),
        *both("arm", cylinder(0.07, 0.16).at(y=-0.17), ribs, PLASTIC),
        *both("arm", claw, dark, SHINY),
        *both("leg", cylinder(0.085, 0.18).at(y=-0.2), ribs, PLASTIC),
        *both("leg", box(0.135, 0.075, 0.19, 0.05).at(0, -0.425, 0.04), teal, PLASTIC),
        Part("head", box(0.375, 0.3, 0.29, 0.09), face),
        Part(
            "head",
            sphere(0.078).squashed(z=0.5).at(0.13, 0.045, 0.285).mirrored(),
            plain("#ffc845"),
            warm,
        ),
        Part("head", cylinder(0.1, 0.045).turned("z", 90).at(0.39).mirrored(), plain("#f3b31f")),
        Part("head", rod((0, 0.28, 0), (0, 0.5, 0), 0.018), dark, SHINY),
        Part("head", sphere(0.06).at(y=0.53), plain("#e23b34"), SHINY),
    ]
