# SPDX-License-Identifier: MIT
"""The part of the harness that runs inside Blender.

It reads requests (one JSON object a line) from an inherited socket and answers
each with a JSON object. A request carries the source of a function, which runs
on Blender's main thread in one namespace that lives as long as the process. A
generator function is advanced once per round until it returns: that is how a
test waits for something inside Blender while the add-on goes on.

Without a window Blender's timers never fire, so this loop *is* the main loop:
each round it calls the tick hook ("module:function", looked up anew each time
because add-ons come and go) and then looks for requests. With a window the
same round runs from a timer of its own and the add-on's timers do the rest.

A reader thread waits on the socket. When the other side is gone it ends the
process at once, so a killed test run leaves no Blender behind, whatever the
main thread is doing. The process ends by os._exit: Blender 4.5 as a module can
hang when the interpreter ends after an exception. This file imports nothing of
the repository and runs on Python 3.11 and later.
"""

from __future__ import annotations

import faulthandler
import inspect
import json
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
import types
from typing import Any

import bpy

ROUND_S = 0.005
"""Pause between two rounds, with and without a window: Blender's own timers have a
granularity of 5.2 ms. Never 0, which stalls a Blender with a window. A request ends it at once. Several
people at rest, each with the add-on's ticks, are what most tests wait with: their ticks
take the processor from whoever has something to do."""


class Child:
    def __init__(self, connection: socket.socket, tick: str) -> None:
        self.connection = connection
        self.tick_name = tick
        self.requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.running: dict[int, Any] = {}
        self.tick_error: str | None = None
        self.round_s = ROUND_S  # for a benchmark, which measures what is quicker than it
        # A real module: Blender looks classes' annotations up in it.
        module = types.ModuleType("atrium_test")
        sys.modules["atrium_test"] = module
        self.namespace: dict[str, Any] = vars(module)
        self.namespace.update(bpy=bpy, json=json, os=os, signal=signal, sys=sys, time=time, child=self)

    # --- talking to the test -------------------------------------------------

    def read_forever(self) -> None:
        with self.connection.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                self.requests.put(json.loads(line))
        os._exit(0)

    def answer(self, message: dict[str, Any]) -> None:
        self.connection.sendall((json.dumps(message) + "\n").encode())

    def answer_error(self, number: int, error: BaseException) -> None:
        trace = "".join(traceback.format_exception(error))
        kind = type(error).__name__
        self.answer({"id": number, "error": str(error), "kind": kind, "trace": trace})

    # --- running what it asks for --------------------------------------------

    def start(self, request: dict[str, Any]) -> None:
        number = request["id"]
        if request.get("quit"):
            self.answer({"id": number, "value": None})
            os._exit(0)
        if "tick" in request:
            self.tick_name = request["tick"]
            self.answer({"id": number, "value": None})
            return
        try:
            # Padding makes tracebacks name the test's own lines.
            source = "\n" * (request["line"] - 1) + request["source"]
            # This file's own __future__ import holds for what it compiles.
            code = compile(source, request["file"], "exec")
            exec(code, self.namespace)
            if request["name"] is None:
                value = None
            else:
                function = self.namespace[request["name"]]
                value = function(*request["args"], **request["kwargs"])
            if inspect.isgenerator(value):
                self.running[number] = value
            else:
                self.answer({"id": number, "value": value})
        except BaseException as error:
            self.answer_error(number, error)

    def advance(self) -> None:
        for number, generator in list(self.running.items()):
            try:
                next(generator)
            except StopIteration as stop:
                del self.running[number]
                self.answer({"id": number, "value": stop.value})
            except BaseException as error:
                del self.running[number]
                self.answer_error(number, error)

    def tick(self) -> None:
        """Calls the add-on's tick, if the add-on is there. What it raises is
        reported with the next answer that the test waits for, once."""
        module, _, function = self.tick_name.partition(":")
        target = getattr(sys.modules.get(module), function, None)
        if target is None:
            return
        try:
            target()
        except BaseException:
            text = traceback.format_exc()
            if text != self.tick_error:
                self.tick_error = text
                print("the tick hook raised:", text, file=sys.stderr, flush=True)
                self.answer({"tick_error": text})

    def round(self, wait_s: float) -> None:
        self.advance()
        try:
            request = self.requests.get(timeout=wait_s) if wait_s else self.requests.get_nowait()
        except queue.Empty:
            return
        self.start(request)

    # --- main loops ----------------------------------------------------------

    def run_without_window(self) -> None:
        while True:
            self.tick()
            self.round(self.round_s)

    def run_in_timer(self) -> float:
        self.round(0)
        return ROUND_S


def start() -> None:
    # SIGUSR1 prints where the main thread is; the test sends it before a kill.
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    connection = socket.socket(fileno=int(os.environ["ATRIUM_TEST_FD"]))
    child = Child(connection, os.environ.get("ATRIUM_TEST_TICK", ""))
    threading.Thread(target=child.read_forever, daemon=True).start()
    hello = {
        "version": list(bpy.app.version),
        "python": list(sys.version_info[:3]),
        "background": bpy.app.background,
        "pid": os.getpid(),
    }
    if not bpy.app.background:
        bpy.context.preferences.view.show_splash = False
        # Smooth lines are had by drawing the scene eight times, in software.
        bpy.context.preferences.system.viewport_aa = "OFF"
    child.answer({"id": 0, "value": hello})
    if bpy.app.background:
        child.run_without_window()
    else:
        bpy.app.timers.register(child.run_in_timer, persistent=True)


start()
