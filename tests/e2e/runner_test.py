# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The runner of these tests (tests/support/run_e2e.py): whatever goes wrong in a suite is a failure that its files tell."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

RUNNER = pathlib.Path(__file__).resolve().parent.parent / "support/run_e2e.py"
KINDS = """
import unittest
class Kinds(unittest.TestCase):
    def setUp(self):
        self.shown = {("Check", "refused")}
    def test_good(self):
        print("what it tells")
    def test_skipped(self):
        self.skipTest("not today")
    def test_wrong(self):
        self.fail("it is wrong")
    def test_cleanup(self):
        self.addCleanup(self.fail, "cleanup is wrong")
    def test_part(self):
        for number in (1, 2, 3):
            with self.subTest(number):
                self.assertNotEqual(number, 2)
    def test_elsewhere(self):
        pass
    test_elsewhere.flavours = ("other",)
class Begin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise OSError("no class")
    def test_begin(self):
        pass
class End(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        raise OSError("no end")
    def test_end(self):
        pass
"""
SUITE = """
WORKERS = {1: 2, 2: 2}
def open_suite(flavour, results):
    (results / "opened").write_text(flavour)
def close_suite(results):
    (results / "closed").touch()
"""
TURNS = """
import os, pathlib, time, unittest
import pytest
HERE = pathlib.Path("{results}")
@pytest.mark.parallel
class Beside(unittest.TestCase):
    def test_one(self):
        self.meet("one", "two")
    def test_two(self):
        self.meet("two", "one")
    def meet(self, own, other):
        (HERE / own).touch()
        end = time.monotonic() + 20
        while not (HERE / other).exists():
            self.assertLess(time.monotonic(), end, "they do not run side by side")
            time.sleep(0.01)
    @pytest.mark.alone
    def test_alone(self):
        self.assertNotIn("PYTEST_XDIST_WORKER", os.environ)
@pytest.mark.parallel(turn=2)
class Later(unittest.TestCase):
    def test_later(self):
        self.assertIn("PYTEST_XDIST_WORKER", os.environ)
        self.assertTrue((HERE / "one").exists() and (HERE / "two").exists())
class Unmarked(unittest.TestCase):
    def test_unmarked(self):
        self.assertNotIn("PYTEST_XDIST_WORKER", os.environ)
"""
DIES = """
import os, unittest
import pytest
@pytest.mark.parallel
class Dies(unittest.TestCase):
    def test_dies(self):
        os._exit(0)
"""


class Runner(unittest.TestCase):
    flavours = ("trixie", "forky")

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tests, self.results = pathlib.Path(folder.name, "tests"), pathlib.Path(folder.name, "results")
        for path in (self.tests, self.results):
            path.mkdir()

    def run_on(self, *parts: str, **modules: str) -> tuple[int, str]:
        """Its exit status and output."""
        for name, text in modules.items():
            (self.tests / f"{name}.py").write_text(text.format(results=self.results) if name == "beside_test" else text)
        done = subprocess.run([sys.executable, RUNNER, "--tests", self.tests, "suite", "here", self.results, *parts],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120, check=False)
        return done.returncode, done.stdout

    def lines(self, end: str) -> list[str]:
        return (self.results / f"suite.{end}").read_text().splitlines()

    def test_each_way_to_end(self) -> None:
        status, output = self.run_on(kinds_test=KINDS)
        self.assertEqual(status, 1, output)
        ends = {"begin": "failed", "cleanup": "failed", "end": "failed", "good": "passed", "part": "failed",
                "skipped": "skipped", "wrong": "failed"}
        self.assertEqual(sorted(self.lines("tsv")), sorted(f"{end}\tkinds: {name}" for name, end in ends.items()), output)
        self.assertEqual(sorted(self.lines("planned")), [f"kinds: {name}" for name in ends])
        self.assertEqual(self.lines("shown"), ["Check\trefused\tkinds: good"])
        log = "\n".join(self.lines("log"))
        for words in ("no class", "cleanup is wrong", "no end", "2 == 2", "it is wrong"):
            self.assertIn(words, log)
        self.assertIn("what it tells", output)

    def test_chosen_by_name(self) -> None:
        status, output = self.run_on("kinds: go", kinds_test=KINDS)
        self.assertEqual((status, self.lines("tsv")), (0, ["passed\tkinds: good"]), output)
        status, output = self.run_on("kinds: nothing", kinds_test=KINDS)
        self.assertEqual((status, self.lines("tsv")), (1, []), output)

    def test_a_module_that_cannot_be_imported(self) -> None:
        """Nothing runs: what is lacking would pass for what there is not."""
        status, output = self.run_on(broken_test="import no_such_module", kinds_test=KINDS)
        self.assertEqual((status, self.lines("tsv")), (1, ["failed\tbroken: import"]), output)
        self.assertIn("No module named 'no_such_module'", "\n".join(self.lines("log")))

    def test_side_by_side_and_alone(self) -> None:
        status, output = self.run_on(suite=SUITE, beside_test=TURNS)
        self.assertEqual(status, 0, output)
        names = [f"beside: {name}" for name in ("alone", "later", "one", "two", "unmarked")]
        self.assertEqual((sorted(self.lines("planned")), sorted(self.lines("tsv"))),
                         (names, [f"passed\t{name}" for name in names]))
        self.assertEqual((self.results / "opened").read_text(), "here")
        self.assertTrue((self.results / "closed").exists())

    def test_one_that_takes_its_worker_with_it(self) -> None:
        status, output = self.run_on(suite=SUITE, beside_test=TURNS, dies_test=DIES)
        self.assertEqual(status, 1, output)
        self.assertIn("failed\tdies: dies", self.lines("tsv"))
        self.assertIn("passed\tbeside: unmarked", self.lines("tsv"))
