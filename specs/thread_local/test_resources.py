"""Notes 3, lines 436-437: what a ThreadLocal is used for.

A database connection, a request and its user belong to the thread that works with them. The
functions it calls find them in one global, and nobody has to hand them on. The connection is
SQLite's; the requests are real ones, to an HTTP server on the loopback interface.
"""

import contextlib
import http.client
import http.server
import socketserver
import sqlite3
import threading

from concspec import claim
from concspec.threads import BOUND, in_threads, join


def outcome(call):
    """What a call returned, or the database error that it raised."""
    try:
        return call()
    except sqlite3.Error as error:
        return error


@claim(
    "shared-db-connection-fails",
    falsified_by=("sqlite.works-in-any-thread", "sqlite.works-in-no-thread"),
)
def test_a_shared_connection_fails_in_another_thread():
    """Connect here, and query in another thread."""

    def query():
        return connection.execute("SELECT 1").fetchone()

    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        [answer] = in_threads(lambda: outcome(query))
        assert isinstance(answer, sqlite3.ProgrammingError), answer
        assert outcome(query) == (1,)


@claim("local-db-connection", falsified_by=("thread_local.shared", "sqlite.database-of-its-own"))
def test_a_connection_for_each_thread_works(tmp_path):
    """Four threads are connected to one database before any of them inserts and reads a row."""
    resources = threading.local()
    all_connected = threading.Barrier(4)

    def insert(number):
        with resources.connection:
            resources.connection.execute("INSERT INTO numbers VALUES (?)", [number])
        return select(number)

    def select(number):
        return resources.connection.execute(
            "SELECT n FROM numbers WHERE n = ?", [number]
        ).fetchall()

    def serve(number):
        with contextlib.closing(sqlite3.connect(tmp_path / "numbers.db")) as connection:
            resources.connection = connection
            all_connected.wait(BOUND)
            return outcome(lambda: insert(number))

    with contextlib.closing(sqlite3.connect(tmp_path / "numbers.db")) as connection:
        connection.execute("CREATE TABLE numbers (n)")
    seen = in_threads(*[lambda n=n: serve(n) for n in range(4)])
    assert seen == [[(n,)] for n in range(4)]


def greeting_handler(context, all_bound):
    """Make a handler that binds request and user, waits until all have, and greets."""

    def greeting():
        return f"{user_name()} at {context.request.path}"

    def user_name():
        return context.user["name"]

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = BOUND

        def do_GET(self):
            context.request = self
            context.user = {"name": self.headers["X-User"]}
            all_bound.wait(BOUND)
            body = greeting().encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


@contextlib.contextmanager
def serving(handler):
    """Answer HTTP requests, each in a thread of its own; gives the address.

    ``http.server.ThreadingHTTPServer`` would ask for the name of this machine.
    """
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address
        finally:
            server.shutdown()
            join(thread)


@claim(
    "local-http-request", falsified_by=("thread_local.shared", "thread_local.bound-once-for-all")
)
def test_each_thread_has_its_request_and_user():
    """Two requests are answered when both are bound, by functions that get no argument."""
    handler = greeting_handler(threading.local(), all_bound=threading.Barrier(2))

    def get(path, user):
        with contextlib.closing(http.client.HTTPConnection(*address, timeout=BOUND)) as client:
            client.request("GET", path, headers={"X-User": user})
            return client.getresponse().read().decode()

    with serving(handler) as address:
        answers = in_threads(lambda: get("/school", "Alice"), lambda: get("/home", "Bob"))
    assert answers == ["Alice at /school", "Bob at /home"]


@claim(
    "local-reaches-all-functions",
    falsified_by=("thread_local.only-for-the-function", "thread_local.shared"),
)
def test_every_function_called_in_the_thread_reaches_it():
    """Two threads are three calls deep, by a method and a generator, before either one looks."""
    school = threading.local()
    both_deep = threading.Barrier(2)

    class Task:
        def run(self):
            return next(self.subtasks())

        def subtasks(self):
            yield innermost()

    def innermost():
        both_deep.wait(BOUND)
        return school.student

    def process(name):
        school.student = name
        return Task().run()

    assert in_threads(lambda: process("Alice"), lambda: process("Bob")) == ["Alice", "Bob"]
