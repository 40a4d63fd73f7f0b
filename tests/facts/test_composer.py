"""What Composer's manifest and its lock file say."""

from __future__ import annotations

import json

from dockfix.facts import App, Tree
from dockfix.facts.composer import Locked, composer, for_development, locked_names

MANIFEST = {
    "require": {"slim/slim": "^4.0"},
    "require-dev": {"phpunit/phpunit": "^11.0"},
    "autoload-dev": {"psr-4": {"App\\Tests\\": ["tests/", "spec/"]}, "classmap": ["fixtures/"]},
    "scripts": {
        "post-install-cmd": "@auto-scripts",
        "auto-scripts": {"cache:clear": "symfony-cmd"},
        "test": "phpunit",
    },
    "config": {"vendor-dir": "lib", "allow-plugins": {"symfony/flex": True, "php-http/discovery": False}},
}
LOCK = {
    "packages": [{"name": "slim/slim"}],
    "packages-dev": [
        {"name": "phpunit/phpunit", "bin": ["phpunit"], "autoload": {"classmap": ["src/"], "files": ["a.php"]}},
        {"name": "mockery/mockery", "autoload": {"psr-4": {"Mockery\\": "library/Mockery"}}},
    ],
}


def app(manifest: object, lock: object = None) -> App:
    return App(Tree({"api/composer.json": json.dumps(manifest), "api/composer.lock": json.dumps(lock)}))


def test_manifest_tells_of_plugins_scripts_and_tests() -> None:
    found = composer(app(MANIFEST), "api")
    assert found is not None
    assert found.packages == {"slim/slim", "phpunit/phpunit"}
    assert found.plugins == ("symfony/flex",)
    assert found.vendor == "lib"
    assert found.tests == ("tests/", "spec/", "fixtures/")
    assert found.scripts == ("@auto-scripts", "cache:clear")


def test_repository_that_is_a_folder_is_told_with_its_line() -> None:
    found = composer(app({"name": "a/b", "repositories": [{"type": "path", "url": "../c"}]}), "api")
    assert found is not None and found.local is not None
    assert found.local.origin == "api/composer.json:1"


def test_lock_tells_what_development_packages_bring() -> None:
    assert for_development(app(MANIFEST, LOCK), "api") == (
        Locked("phpunit/phpunit", (), True, ("phpunit",)),
        Locked("mockery/mockery", ("Mockery",), False, ()),
    )
    assert locked_names(app(MANIFEST, LOCK), "api") == ("slim/slim",)


def test_no_manifest_and_no_lock() -> None:
    assert composer(App(Tree({"composer.json": "{"})), "") is None
    assert for_development(App(Tree({"composer.json": "{}"})), "") is None
