"""Toy figures of a village: baker, fox, gardener, lighthouse keeper, painter and wizard.

Knows costumes and what the hands hold. Does not know poses, light or cameras. All of them are our
own designs: wooden-doll bodies in the clothes of a trade.
"""

from __future__ import annotations

from toys.body import Part, make_arms, make_hair, make_head, make_legs, make_torso
from toys.paint import (
    BRASS,
    MATT,
    SHINY,
    Finish,
    any_of,
    band,
    disc,
    discs,
    oval,
    over,
    patch,
    plain,
    star,
    step,
    stripes,
)
from toys.shapes import box, cone, cylinder, ellipsoid, rod, sphere, torus


def baker() -> list[Part]:
    """White jacket, tall hat, red neckerchief, a loaf."""
    jacket = over(
        plain("#f4f1ea"),
        (discs([(x, y) for x in (-0.075, 0.075) for y in (0.42, 0.32, 0.22)], 0.02), "#3d4350"),
    )
    check = over(plain("#e9ecef"), (stripes(0.08), "#8b97a8"), (stripes(0.08, axis=0), "#5b6779"))
    puff = ellipsoid(0.3, 0.17, 0.29).at(y=0.62)
    for x, z in ((0.2, 0.1), (-0.2, 0.1), (0.0, -0.22), (0.12, -0.14), (0.0, 0.22)):
        puff = puff.plus(sphere(0.15).at(x, 0.6, z), 0.06)
    moustache = rod((0.015, -0.05, 0.335), (0.13, -0.075, 0.31), 0.04, 0.018).mirrored()
    loaf = over(plain("#c98a45"), (stripes(0.13, 0.22, axis=1, phase=0.2), "#f0d29a"))
    return [
        *make_torso(jacket, MATT, belly=0.31),
        *make_arms(plain("#f4f1ea"), plain("#f1c6a0"), MATT),
        *make_legs(check, plain("#3a3230"), MATT),
        *make_head("#f1c6a0", brows="#6b4526"),
        *make_hair("#6b4526"),
        Part("head", moustache, plain("#6b4526"), MATT),
        Part("head", cylinder(0.285, 0.15).at(y=0.38), plain("#f7f5f0"), MATT),
        Part("head", puff, plain("#fbfaf6"), MATT),
        Part("torso", torus(0.165, 0.055).at(y=0.545), plain("#d5302c"), MATT),
        Part("torso", cone(0.07, 0.02, 0.06).at(0, 0.46, 0.2), plain("#d5302c"), MATT),
        Part("right hand", ellipsoid(0.085, 0.34, 0.085).at(y=0.12), loaf, MATT),
    ]


def fox() -> list[Part]:
    """Orange fur, white cheeks, a brush of a tail, a teal scarf."""
    fur, cream, dark = "#e8762c", "#fff3e2", "#3a2620"
    head = ellipsoid(0.375, 0.32, 0.34).plus(ellipsoid(0.15, 0.1, 0.17).at(0, -0.09, 0.29), 0.12)
    coat = over(
        plain(fur),
        (lambda p: step(-p[1] - 0.045 + 0.35 * abs(p[0]) ** 1.2, 0.0) * (p[2] > -0.05), cream),
    )
    ear = rod((0.2, 0.22, 0), (0.28, 0.46, -0.01), 0.13, 0.02).squashed(z=0.6).mirrored()
    inner = rod((0.205, 0.25, 0.05), (0.272, 0.4, 0.03), 0.075, 0.012).squashed(z=0.75).mirrored()
    tail = rod((0, 0.05, -0.2), (0.05, 0.18, -0.5), 0.07, 0.15)
    tail = tail.plus(rod((0.05, 0.18, -0.5), (0.1, 0.55, -0.6), 0.15, 0.03), 0.1)
    tail_paint = over(plain(fur), (lambda p: step(p[1] + 0.3 * abs(p[0]), 0.4, 0.02), cream))
    belly = over(plain(fur), (oval(0, 0.2, 0.17, 0.24), cream))
    end = box(0.06, 0.15, 0.03, 0.025).turned("z", 12).at(0.12, 0.38, 0.22)
    eye = ellipsoid(0.036, 0.055, 0.03).at(0.135, 0.05, 0.31).mirrored()
    return [
        *make_torso(belly, MATT),
        *make_arms(over(plain(fur), (band(-0.5, -0.2), dark)), plain(dark), MATT),
        *make_legs(over(plain(fur), (band(-0.5, -0.22), dark)), plain(dark), MATT),
        Part("head", head, coat, MATT),
        Part("head", ear, over(plain(fur), (band(0.38, 0.6), dark)), MATT),
        Part("head", inner, plain(cream), MATT),
        Part("head", eye, plain("#15110f"), SHINY),
        Part("head", sphere(0.055).squashed(y=0.8).at(0, -0.055, 0.46), plain("#1b1412"), SHINY),
        Part("torso", tail, tail_paint, MATT),
        Part("torso", torus(0.18, 0.075).at(y=0.53), plain("#1c9a94"), MATT),
        Part("torso", end, over(plain("#1c9a94"), (band(0.25, 0.29), "#f4d35e")), MATT),
    ]


def gardener() -> list[Part]:
    """Straw hat, red braids, green dungarees over a yellow shirt, a sunflower."""
    green, straw, skin, hair = "#3f8f46", plain("#e6c46f"), "#f3cda9", "#b8602c"
    shirt = over(plain("#f6c945"), (stripes(0.07, 0.25), "#fbe7a1"))
    straps = [patch(x, 0.45, 0.032, 0.22, side) for x in (0.115, -0.115) for side in (1.0, -1.0)]
    dungarees = over(
        shirt,
        (any_of(band(-0.4, 0.17), patch(0, 0.2, 0.15, 0.15), *straps), green),
        (discs([(0.115, 0.325), (-0.115, 0.325)], 0.023), "#f1f1f1"),
        (patch(0, 0.2, 0.08, 0.055), "#62b867"),
    )
    weave = over(straw, (stripes(0.03, 0.3), "#cfa64c"))
    hat = ellipsoid(0.37, 0.27, 0.37).at(y=0.2).cut("y", below=0.17)
    brim = ellipsoid(0.6, 0.035, 0.58).at(0, 0.19, -0.02)
    braid = rod((0.33, -0.1, 0.05), (0.36, -0.42, 0.08), 0.085, 0.05).mirrored()
    braid_paint = over(plain(hair), (stripes(0.09, 0.2), "#8f4720"), (band(-0.4, -0.35), "#e0527a"))
    petal = ellipsoid(0.062, 0.09, 0.03).at(y=0.13).repeated(9).turned("x", -12)
    middle = ellipsoid(0.1, 0.1, 0.045)
    return [
        *make_torso(dungarees, MATT),
        *make_arms(shirt, plain(skin), MATT),
        *make_legs(plain(green), plain("#e0527a"), MATT),
        *make_head(skin, brows="#a9572a"),
        *make_hair(hair),
        Part("head", braid, braid_paint, MATT),
        Part("head", hat.plus(brim, 0.04), weave, MATT),
        Part("head", cylinder(0.368, 0.035).at(y=0.245), plain("#d6455d"), MATT),
        Part("right hand", rod((0, -0.2, 0), (-0.06, 0.34, 0), 0.02), plain("#3d7f33"), MATT),
        Part("right hand", petal.at(-0.065, 0.38, 0.02), plain("#fbb917"), MATT),
        Part("right hand", middle.at(-0.065, 0.38, 0.045), plain("#5b3517"), MATT),
    ]


def lighthouse_keeper() -> list[Part]:
    """Yellow oilskin, navy cap, white beard, a burning lantern."""
    yellow, navy, white = "#f7c21c", "#1f3358", "#f3f1ec"
    oilskin = over(
        plain(yellow),
        (patch(0, 0.2, 0.012, 0.5), "#c79408"),
        (discs([(0.06, y) for y in (0.36, 0.23, 0.1)], 0.023), "#5b3a1a"),
        (band(-0.2, -0.165), "#dba60f"),
    )
    beard = (
        ellipsoid(0.3, 0.25, 0.2)
        .at(0, -0.2, 0.16)
        .minus(ellipsoid(0.2, 0.1, 0.2).at(0, -0.02, 0.36), 0.05)
    )
    moustache = rod((0.02, -0.06, 0.345), (0.14, -0.1, 0.32), 0.045, 0.025).mirrored()
    crown = cone(0.37, 0.41, 0.1, 0.06).at(0, 0.31, -0.02)
    visor = ellipsoid(0.3, 0.03, 0.2).at(0, 0.2, 0.27)
    cap = over(plain(navy), (disc(0, 0.31, 0.062), "#e8b93c"), (band(0.2, 0.235), "#e8b93c"))
    post = cylinder(0.011, 0.11).at(0.085, 0, 0)
    lantern = (
        post.plus(post.turned("y", 90)).plus(post.turned("y", 180)).plus(post.turned("y", 270))
    )
    lantern = lantern.plus(cylinder(0.115, 0.025).at(y=-0.12)).plus(
        cone(0.125, 0.04, 0.045).at(y=0.14)
    )
    lantern = lantern.plus(torus(0.05, 0.013).turned("x", 90).at(y=0.225))
    return [
        *make_torso(oilskin, SHINY, belly=0.29),
        Part("torso", cone(0.33, 0.24, 0.17, 0.03).squashed(z=0.88).at(y=-0.04), oilskin, SHINY),
        *make_arms(plain(yellow), plain("#eebd95"), SHINY),
        *make_legs(plain(navy), plain("#2c2f36")),
        *make_head("#eebd95", brows=white),
        *make_hair(white),
        Part("head", beard.plus(moustache, 0.03), plain(white), MATT),
        Part("head", crown, cap, MATT),
        Part("head", visor, plain("#14181f"), SHINY),
        Part("right hand", lantern.at(0, -0.2, 0.04), plain("#33373d"), SHINY),
        Part(
            "right hand",
            ellipsoid(0.07, 0.09, 0.07).at(0, -0.21, 0.04),
            plain("#ffb347"),
            Finish(0.5, glow=2.2),
        ),
    ]


def painter() -> list[Part]:
    """Black bob, red beret, striped shirt, white apron, palette and brush."""
    skin, shirt = "#d9a07a", over(plain("#f5f3ee"), (stripes(0.085, 0.45), "#27407c"))
    apron = any_of(patch(0, 0.05, 0.19, 0.3), patch(0, 0.36, 0.1, 0.06))
    front = over(
        shirt,
        (apron, "#fbfbf8"),
        (discs([(-0.1, 0.18)], 0.042), "#e5484d"),
        (discs([(0.07, 0.09)], 0.05), "#2f9be0"),
        (discs([(0.1, 0.24)], 0.03), "#f5c518"),
        (discs([(-0.04, 0.02)], 0.032), "#3aa655"),
    )
    beret = ellipsoid(0.44, 0.125, 0.42).turned("z", 13).at(-0.04, 0.31, -0.02)
    beret = beret.plus(rod((-0.07, 0.38, 0), (-0.09, 0.47, 0), 0.025), 0.03)
    x, y = 0.06, 0.06
    palette = ellipsoid(0.22, 0.17, 0.03).minus(
        cylinder(0.042, 0.2).turned("x", 90).at(0.09, -0.05, 0)
    )
    wood = over(
        plain("#c58a4e"),
        (disc(x - 0.12, y + 0.0, 0.042), "#e5484d"),
        (disc(x - 0.06, y + 0.085, 0.042), "#f5c518"),
        (disc(x + 0.04, y + 0.1, 0.042), "#2f9be0"),
        (disc(x + 0.13, y + 0.05, 0.04), "#3aa655"),
        (disc(x - 0.05, y - 0.085, 0.042), "#ffffff"),
    )
    return [
        *make_torso(front, MATT),
        *make_arms(shirt, plain(skin), MATT),
        *make_legs(plain("#2d3446"), plain("#8c2f39"), MATT),
        *make_head(skin, brows="#17131a"),
        *make_hair("#1c1720", long=True),
        Part("head", beret, plain("#c8202f"), MATT),
        Part("left hand", palette.at(x, y, 0.11), wood, SHINY),
        Part("right hand", rod((0, -0.16, 0), (0, 0.3, 0), 0.02), plain("#c58a4e")),
        Part("right hand", cylinder(0.026, 0.045).at(y=0.33), plain("#cfd5dc"), BRASS),
        Part("right hand", rod((0, 0.38, 0), (0, 0.45, 0), 0.032, 0.01), plain("#2f9be0"), MATT),
    ]


def wizard() -> list[Part]:
    """Purple robe with golden stars, pointed hat, long grey beard, a staff with an orb."""
    purple, gold, grey = plain("#5b2a9d"), "#f6cf46", "#c9ced6"
    places = [
        (-0.13, 0.14),
        (0.12, -0.06),
        (0.03, 0.28),
        (-0.17, -0.24),
        (0.19, -0.33),
        (-0.02, -0.14),
    ]
    robe = over(
        purple,
        (any_of(*(star(x, y, 0.058) for x, y in places)), gold),
        (any_of(*(star(-x, y - 0.04, 0.05, side=-1.0) for x, y in places)), gold),
        (band(-0.5, -0.415), gold),
    )
    hat = (
        cone(0.36, 0.06, 0.3, 0.03)
        .at(y=0.5)
        .plus(rod((0, 0.75, 0), (0.08, 0.9, -0.05), 0.08, 0.03), 0.06)
    )
    brim = ellipsoid(0.54, 0.035, 0.52).at(y=0.2)
    hat_paint = over(purple, (star(0.02, 0.47, 0.1), gold), (band(0.225, 0.29), gold))
    beard = rod((0, -0.14, 0.26), (0, -0.6, 0.3), 0.18, 0.04).squashed(z=0.9)
    moustache = rod((0.02, -0.06, 0.335), (0.16, -0.12, 0.31), 0.045, 0.02).mirrored()
    sleeve = rod((0, 0, 0), (0, -0.29, 0), 0.1, 0.125)
    parts = make_arms(purple, plain("#efc8a6"), MATT)
    return [
        Part("torso", cone(0.37, 0.2, 0.5, 0.05).squashed(z=0.9).at(y=0.005), robe, MATT),
        *parts,
        *[Part(side, sleeve, purple, MATT) for side in ("left arm", "right arm")],
        *make_head("#efc8a6", brows=grey),
        *make_hair(grey, long=True),
        Part("head", beard.plus(moustache, 0.05), plain(grey), MATT),
        Part("head", hat.plus(brim, 0.05), hat_paint, MATT),
        Part("torso", torus(0.275, 0.025).squashed(z=0.9).at(y=0.08), plain(gold), MATT),
        Part("right hand", rod((0, -0.5, 0.02), (0, 0.42, 0.02), 0.03), plain("#6b4423"), MATT),
        Part(
            "right hand", sphere(0.095).at(0, 0.52, 0.02), plain("#5fd4ff"), Finish(1.0, glow=0.7)
        ),
    ]
