"""Toy figures that no model is taught, for "I don't know this one": bear, beekeeper, pirate, skier.

Knows costumes and what the hands hold. Does not know poses, light or cameras. All of them are our
own designs.
"""

from __future__ import annotations

import numpy as np

from toys.body import Part, both, make_arms, make_head, make_legs, make_torso
from toys.paint import (
    MATT,
    SHINY,
    STEEL,
    Finish,
    band,
    discs,
    oval,
    over,
    patch,
    plain,
    step,
    stripes,
)
from toys.shapes import Array, box, cone, cylinder, ellipsoid, rod, sphere, torus


def bear() -> list[Part]:
    """Brown fur, a light muzzle, a blue bow tie, a jar of honey."""
    fur, light = "#8a5a35", "#e3bd8c"
    head = ellipsoid(0.375, 0.33, 0.335).plus(sphere(0.13).at(0.27, 0.26, 0).mirrored(), 0.04)
    muzzle = ellipsoid(0.17, 0.125, 0.12).at(0, -0.09, 0.29)
    eye = ellipsoid(0.036, 0.052, 0.03).at(0.135, 0.06, 0.31).mirrored()
    bow = cone(0.075, 0.02, 0.08).turned("z", 90).at(-0.08).mirrored().plus(sphere(0.035))
    belly = over(plain(fur), (oval(0, 0.18, 0.18, 0.22), light))
    jar = over(plain("#f2a71b"), (band(-0.04, 0.07), "#fff4d6"))
    return [
        *make_torso(belly, MATT, belly=0.3),
        *make_arms(plain(fur), plain(light), MATT),
        *make_legs(plain(fur), plain("#6d4527"), MATT),
        Part(
            "head",
            head,
            over(plain(fur), (discs([(0.27, 0.27), (-0.27, 0.27)], 0.075), light)),
            MATT,
        ),
        Part("head", muzzle, plain(light), MATT),
        Part("head", eye, plain("#15110f"), SHINY),
        Part("head", ellipsoid(0.06, 0.045, 0.04).at(0, -0.035, 0.4), plain("#1b1412"), SHINY),
        Part("torso", bow.at(0, 0.47, 0.22), plain("#2a62c9"), MATT),
        Part("right hand", cylinder(0.11, 0.11, 0.03).at(0, 0.06, 0.07), jar, SHINY),
        Part("right hand", cylinder(0.115, 0.025).at(0, 0.19, 0.07), plain("#8b5a2b"), MATT),
    ]


def beekeeper() -> list[Part]:
    """Cream overalls, a broad hat with a net, a smoker."""
    cream = "#efe2bd"
    suit = over(plain(cream), (patch(0, 0.2, 0.012, 0.5), "#b59e62"), (band(0.02, 0.06), "#b59e62"))
    net = over(
        plain("#50483a"), (stripes(0.04, 0.3), "#2e2a22"), (stripes(0.04, 0.3, axis=0), "#2e2a22")
    )
    hat = ellipsoid(0.36, 0.25, 0.36).at(y=0.22).cut("y", below=0.2)
    return [
        *make_torso(suit, MATT, belly=0.29),
        *make_arms(plain(cream), plain("#d98a2b"), MATT),
        *make_legs(plain(cream), plain("#6a4a2c"), MATT),
        Part("head", cone(0.3, 0.4, 0.24, 0.04).at(y=-0.02), net, MATT),
        Part(
            "head", hat.plus(ellipsoid(0.58, 0.03, 0.56).at(y=0.22), 0.04), plain("#f4ead0"), MATT
        ),
        Part("head", cylinder(0.362, 0.03).at(y=0.27), plain("#4a3b25"), MATT),
        Part("torso", torus(0.21, 0.055).at(y=0.56), plain(cream), MATT),
        Part("right hand", cylinder(0.085, 0.12).at(0, 0.06, 0.08), plain("#b8c0c8"), STEEL),
        Part("right hand", cone(0.085, 0.025, 0.07).at(0, 0.24, 0.08), plain("#b8c0c8"), STEEL),
        Part("right hand", box(0.05, 0.1, 0.05, 0.02).at(0, 0.05, -0.05), plain("#7a3f22"), MATT),
    ]


def pirate() -> list[Part]:
    """Spotted headscarf, eye patch, striped shirt, a hook."""
    skin = "#e2a77c"
    shirt = over(plain("#f2efe8"), (stripes(0.11, 0.5), "#b3262b"))
    vest = over(
        shirt,
        (lambda p: step(abs(p[0]), 0.12) * (p[1] > 0.0), "#22252d"),
        (band(0.0, 0.06), "#6a4420"),
    )
    dots = discs([(x, y) for x in (-0.24, -0.08, 0.08, 0.24) for y in (0.2, 0.3)], 0.028)
    scarf = ellipsoid(0.4, 0.36, 0.385).at(y=0.03).cut("y", below=0.12)
    knot = (
        sphere(0.09)
        .at(0.36, 0.12, -0.12)
        .plus(rod((0.38, 0.1, -0.14), (0.42, -0.16, -0.2), 0.07, 0.03), 0.03)
    )
    hook = torus(0.07, 0.02).turned("x", 90).at(0.0, 0.17, 0).cut("x", below=-0.04)
    return [
        *make_torso(vest, MATT),
        *make_arms(shirt, plain(skin), MATT),
        *make_legs(plain("#3b4a63"), plain("#191919"), MATT),
        *make_head(skin, brows="#2a1a12"),
        Part("head", ellipsoid(0.075, 0.07, 0.03).at(0.13, 0.02, 0.325), plain("#131313"), MATT),
        Part("head", torus(0.352, 0.014).turned("z", -12).at(y=0.05), plain("#131313"), MATT),
        Part("head", ellipsoid(0.2, 0.12, 0.1).at(0, -0.26, 0.2), plain("#2a1a12"), MATT),
        Part("head", scarf.plus(knot, 0.02), over(plain("#c62f2f"), (dots, "#fff3da")), MATT),
        Part("right hand", cone(0.1, 0.06, 0.06).at(y=0.02), plain("#22252d"), MATT),
        Part("right hand", hook, plain("#cdd3da"), STEEL),
    ]


def skier() -> list[Part]:
    """Bobble hat, goggles, zigzag jumper, skis and poles."""
    skin = "#6b4127"

    def zigzag(p: Array) -> Array:
        wave = np.abs(np.mod(p[0] / 0.12, 1.0) - 0.5) * 0.12
        return step(0.035 - np.abs(p[1] - 0.27 - wave), 0.0)

    jumper = over(plain("#d94f8b"), (zigzag, "#ffffff"), (band(0.06, 0.1), "#6a2a8a"))
    hat = ellipsoid(0.39, 0.37, 0.38).at(y=0.06).cut("y", below=0.12)
    goggles = box(0.24, 0.1, 0.06, 0.055).at(0, 0.03, 0.31)
    ski = (
        box(0.065, 0.018, 0.5, 0.015)
        .at(0, -0.5, 0.05)
        .plus(rod((0, -0.5, 0.5), (0, -0.42, 0.64), 0.03), 0.03)
    )
    poles = [
        Part(hand, rod((0, -0.55, 0), (0, 0.12, 0), 0.016), plain("#d9dde2"), SHINY)
        for hand in ("left hand", "right hand")
    ]
    return [
        *make_torso(jumper, MATT),
        *make_arms(plain("#d94f8b"), plain("#f3c316"), MATT),
        *make_legs(plain("#2b2f77"), plain("#e8e8ec")),
        *both("leg", ski, plain("#f3c316"), SHINY),
        *make_head(skin, brows=None),
        Part("head", hat, over(plain("#2ba7b8"), (stripes(0.12, 0.4), "#ffffff")), MATT),
        Part("head", torus(0.355, 0.055).at(y=0.14), plain("#6a2a8a"), MATT),
        Part("head", sphere(0.11).at(y=0.49), plain("#ffffff"), MATT),
        Part("head", goggles, plain("#f58220"), Finish(1.0)),
        Part("head", torus(0.36, 0.035).at(y=0.03), plain("#20242b"), MATT),
        *poles,
    ]
