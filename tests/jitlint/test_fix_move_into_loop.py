from __future__ import annotations

from textwrap import dedent

import pytest

from jitlint.fixes.text import Declined
from tests.jitlint.fixing import move_in


def check(before: str, after: str, *moved: str, use: str = "model(", rename: tuple[str, str] | None = None) -> None:
    assert move_in(dedent(before), *moved, loop="for images", before=use, rename=rename) == dedent(after)


def declines(why: str, text: str, *moved: str, use: str = "model(", rename: tuple[str, str] | None = None) -> None:
    with pytest.raises(Declined, match=why):
        move_in(dedent(text), *moved, loop="for images", before=use, rename=rename)


def test_creation_and_jitter_move_with_their_comments_and_blank_lines() -> None:
    check(
        """\
        def train(model, loader, use_jittering):
            # Create the grid
            # for all pixels
            coord = grid(32)  # (H, W, 2)

            # Optional: jitter
            if use_jittering:
                coord = jitter(coord)
                # coord = other(coord)

            pbar = tqdm(loader)
            for images in pbar:
                b = len(images)
                # Forward pass
                pred = model(images, coord)
        """,
        """\
        def train(model, loader, use_jittering):
            pbar = tqdm(loader)
            for images in pbar:
                b = len(images)
                # Create the grid
                # for all pixels
                coord = grid(32)  # (H, W, 2)

                # Optional: jitter
                if use_jittering:
                    coord = jitter(coord)
                    # coord = other(coord)

                # Forward pass
                pred = model(images, coord)
        """,
        "coord = grid",
        "if use_jittering",
    )


def test_a_single_statement_moves_without_blank_lines() -> None:
    check(
        """\
        step = 0

        coord = jitter(grid)

        for images in loader:
            model(images, coord)
        """,
        """\
        step = 0

        for images in loader:
            coord = jitter(grid)
            model(images, coord)
        """,
        "coord =",
    )


def test_the_use_may_be_nested_then_the_statement_around_it_counts() -> None:
    check(
        """\
        coord = jitter(grid)
        for images in loader:
            with autocast():
                if images is not None:
                    model(images, coord)
        """,
        """\
        for images in loader:
            coord = jitter(grid)
            with autocast():
                if images is not None:
                    model(images, coord)
        """,
        "coord =",
    )


def test_it_moves_through_blocks_and_outer_loops() -> None:
    check(
        """\
        def train():
            coord = jitter(grid)
            with profile():
                for epoch in range(9):
                    for images in loader:
                        model(images, coord)
                    print(epoch)
        """,
        """\
        def train():
            with profile():
                for epoch in range(9):
                    for images in loader:
                        coord = jitter(grid)
                        model(images, coord)
                    print(epoch)
        """,
        "coord =",
    )


def test_strings_keep_their_lines_and_continuations_their_shape() -> None:
    check(
        '''\
        def f():
            text = """first
            second
          third"""
            coord = jitter(
                grid,  # the clean one
          std=0.1,
            )
            noise = 1 + \\
                coord
            for images in loader:
                model(images, noise, text)
        '''.replace("        def", "def").replace("\n        ", "\n"),
        '''\
        def f():
            for images in loader:
                text = """first
            second
          third"""
                coord = jitter(
                    grid,  # the clean one
          std=0.1,
                )
                noise = 1 + \\
                    coord
                model(images, noise, text)
        '''.replace("        def", "def").replace("\n        ", "\n"),
        "text =",
        "coord =",
        "noise =",
    )


def test_an_f_string_over_lines_keeps_its_lines() -> None:
    check(
        '''\
if True:
    coord = f"""
    {jitter(
    grid)}
  end"""
    for images in loader:
        model(images, coord)
''',
        '''\
if True:
    for images in loader:
        coord = f"""
    {jitter(
    grid)}
  end"""
        model(images, coord)
''',
        "coord =",
    )


def test_tabs_stay_tabs() -> None:
    text = "def f():\n\tif a:\n\t\tcoord = jitter(grid)\n\tfor images in loader:\n\t\t\tmodel(images, coord)\n"
    moved = "def f():\n\tfor images in loader:\n\t\t\tif a:\n\t\t\t\tcoord = jitter(grid)\n\t\t\tmodel(images, coord)\n"
    assert move_in(text, "if a", loop="for images", before="model(") == moved


def test_async_for_and_while_are_loops() -> None:
    text = "async def f():\n    coord = jitter(grid)\n    async for x in loader:\n        model(x, coord)\n"
    assert move_in(text, "coord =", loop="async for", before="model(").endswith(
        "    async for x in loader:\n        coord = jitter(grid)\n        model(x, coord)\n"
    )
    text = "coord = jitter(grid)\nwhile running():\n    model(coord)\n"
    assert move_in(text, "coord =", loop="while", before="model(").startswith("while running():\n    coord = ")


def test_a_semicolon_at_the_end_moves_along() -> None:
    check(
        "coord = jitter(grid);\nfor images in loader:\n    model(images, coord)\n",
        "for images in loader:\n    coord = jitter(grid);\n    model(images, coord)\n",
        "coord =",
    )


def test_cell_markers_stay_where_they_are() -> None:
    check(
        "# %% grid\ncoord = jitter(grid)\n\n# %% train\nfor images in loader:\n    model(images, coord)\n",
        "# %% grid\n# %% train\nfor images in loader:\n    coord = jitter(grid)\n    model(images, coord)\n",
        "coord =",
    )


def test_a_method_of_self_that_does_not_touch_the_name_is_no_obstacle() -> None:
    check(
        """\
        class T:
            def other(self):
                self.count = 1
            def train(self):
                self.coord = jitter(self.grid)
                for images in self.loader:
                    self.other()
                    self.model(images, self.coord)
        """,
        """\
        class T:
            def other(self):
                self.count = 1
            def train(self):
                for images in self.loader:
                    self.other()
                    self.coord = jitter(self.grid)
                    self.model(images, self.coord)
        """,
        "self.coord =",
    )


def test_a_rename_leaves_the_clean_value_outside() -> None:
    check(
        """\
        def train(coord):
            # jitter
            coord = coord + noise(coord)  # once
            for images in loader:
                coord = repeat(coord, len(images))
                model(images, coord, f(coord=coord))
            return coord
        """,
        """\
        def train(coord):
            for images in loader:
                # jitter
                jittered = coord + noise(coord)  # once
                jittered = repeat(jittered, len(images))
                model(images, jittered, f(coord=jittered))
            return coord
        """,
        "coord = coord",
        use="coord = repeat",
        rename=("coord", "jittered"),
    )


@pytest.mark.parametrize(
    ("statement", "written"),
    [
        ("coord += noise", "jittered = coord + noise"),
        ("coord *= a + b", "jittered = coord * (a + b)"),
        ("coord -= (a + b)", "jittered = coord - (a + b)"),
        ("coord += std * noise", "jittered = coord + std * noise"),
        ("coord.add_(noise)", "jittered = coord + noise"),
        ("coord.mul_(a + b)", "jittered = coord * (a + b)"),
        ("coord.add_(noise, alpha=2)", "jittered = coord.add(noise, alpha=2)"),
        ("coord: Tensor = jitter(coord)", "jittered: Tensor = jitter(coord)"),
        ("coord, n = jitter(coord)", "jittered, n = jitter(coord)"),
    ],
)
def test_every_way_of_binding_gets_the_new_name(statement: str, written: str) -> None:
    check(
        f"def f(coord):\n    {statement}\n    for images in loader:\n        model(images, coord)\n",
        f"def f(coord):\n    for images in loader:\n        {written}\n        model(images, jittered)\n",
        statement,
        rename=("coord", "jittered"),
    )


def test_a_rename_under_a_condition_starts_from_the_clean_value() -> None:
    check(
        """\
        def train(coord):
            if use:
                noise = f(coord)
                coord += noise
                log(coord)
            for images in loader:
                model(images, coord)
        """,
        """\
        def train(coord):
            for images in loader:
                jittered = coord
                if use:
                    noise = f(coord)
                    jittered = coord + noise
                    log(jittered)
                model(images, jittered)
        """,
        "if use",
        rename=("coord", "jittered"),
    )


LOOP = "for images in loader:\n    model(images, coord)\n"


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("another value", f"coord = jitter(grid)\n{LOOP}save(coord)\n"),
        ("another value", f"coord = jitter(grid)\n{LOOP}else:\n    save(coord)\n"),
        ("another value", f"coord = jitter(grid)\n{LOOP}if done:\n    coord = grid\nsave(coord)\n"),
        ("another value", f"coord = jitter(grid)\nshow(coord)\n{LOOP}"),
        ("another value", f"coord = jitter(grid)\nloader = load(coord)\n{LOOP}"),
        ("another value", f"coord = jitter(grid)\n{LOOP.replace('loader', 'load(coord)')}"),
        (
            "another value",
            f"coord = jitter(grid)\n{LOOP.replace('    m', '    show(coord)' + chr(10) + '    m', 1)}",
        ),
        ("another value", f"coord = jitter(grid)\ncoord[0] = 1\n{LOOP}"),
        ("another value", f"coord = jitter(grid)\nimport coord\n{LOOP}"),
        ("another value", f"coord = jitter(grid)\ngrid = 2\n{LOOP}"),
        ("another value", f"coord = jitter(grid)\ngrid.append(2)\n{LOOP}"),
        ("another value", f"coord = jitter(images)\n{LOOP}"),
        ("another value", f"coord = jitter(grid)\n{LOOP}    grid = f(grid)\n"),
        (
            "another value",
            f"coord = jitter(grid)\nfor e in x:\n    {LOOP.replace(chr(10), chr(10) + '    ')}grid = 1\n",
        ),
        ("another value", f"grid = 1\ncoord = jitter(grid)\n{LOOP}    coord = grid = f(coord)\n"),
        ("another value", f"coord = jitter(coord)\n{LOOP}"),
        ("another value", f"coord = 1\nif use:\n    coord = jitter(grid)\n{LOOP}"),
        ("more than one statement", f"a = 1; coord = jitter(grid)\n{LOOP}"),
        ("more than one statement", f"coord = jitter(grid); a = 1\n{LOOP}"),
        ("more than one statement", "coord = jitter(grid)\nfor images in loader: model(images, coord)\n"),
        ("not in a block around", f"if use:\n    coord = jitter(grid)\n{LOOP}"),
        ("not above the loop", f"{LOOP}coord = jitter(grid)\n"),
        ("cannot move", f"def f():\n    coord = yield\n    {LOOP.replace(chr(10), chr(10) + '    ')}\n"),
        ("another value", f"def f():\n    global coord\ncoord = jitter(grid)\n{LOOP}"),
        ("another value", f"def f():\n    return coord\ncoord = jitter(grid)\n{LOOP}"),
        ("more than one statement", f"if a: \\\n  pass\nx = 1; \\\ncoord = jitter(grid)\n{LOOP}"),
    ],
)
def test_when_in_doubt_nothing_moves(why: str, text: str) -> None:
    moved = "if use" if "if use:\n    coord = jitter(grid)\n" in text and why != "not in a block around" else "coord = "
    if moved == "coord = " and "coord = jitter" in text:
        moved = "coord = jitter"
    declines(why, text, moved)


def test_a_name_that_is_bound_anew_after_the_loop_may_move() -> None:
    check(
        f"coord = jitter(grid)\n{LOOP}coord = grid\nsave(coord)\n",
        "for images in loader:\n    coord = jitter(grid)\n    model(images, coord)\ncoord = grid\nsave(coord)\n",
        "coord = jitter",
    )


def test_a_value_that_an_outer_loop_reads_on_its_next_pass_does_not_move() -> None:
    inner = "    coord = jitter(grid)\n    for images in loader:\n        model(images, coord)\n"
    text = f"for e in x:\n    show(coord)\n{inner}"
    declines("another value", text, "coord = jitter")
    text = f"while f(coord):\n{inner}"
    declines("another value", text, "coord = jitter")


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("taken", f"def f(coord, jittered):\n    coord = g(coord)\n    {LOOP}"),
        ("inner scope", f"def f(coord):\n    coord = g(coord)\n    {LOOP}        [coord for coord in x]\n"),
        ("inner scope", f"def f(coord):\n    coord = g(coord)\n    {LOOP}        lambda coord: coord\n"),
        ("in place", f"def f(coord):\n    coord = g(coord.add_(1))\n    {LOOP}"),
        ("in place", f"def f(coord):\n    if use:\n        coord = g(coord)\n    {LOOP}        coord += 1\n"),
        ("in place", f"def f(coord):\n    coord[0] = g(coord)\n    {LOOP}"),
        ("another value", f"def f(coord):\n    coord = g(coord)\n    show(coord)\n    {LOOP}"),
    ],
)
def test_when_in_doubt_nothing_is_renamed(why: str, text: str) -> None:
    text = text.replace("\n    model", "\n        model").replace("        model", "        model")
    moved = "if use" if "if use" in text else "coord[0]" if "coord[0]" in text else "coord = g"
    declines(why, text, moved, rename=("coord", "jittered"))


def test_several_bindings_under_a_condition_all_use_the_new_name() -> None:
    check(
        """\
        def train(coord):
            if use:
                coord = jitter(coord)
                coord = clamp(coord)
            for images in loader:
                model(images, coord)
        """,
        """\
        def train(coord):
            for images in loader:
                jittered = coord
                if use:
                    jittered = jitter(jittered)
                    jittered = clamp(jittered)
                model(images, jittered)
        """,
        "if use",
        rename=("coord", "jittered"),
    )
