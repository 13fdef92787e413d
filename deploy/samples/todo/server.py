"""A to-do list as an MCP server: the tools of the sample's assistant, and an example of how to write some.

    python server.py --database todo.sqlite --port 8000

serves them at http://127.0.0.1:8000/mcp. It needs the official SDK: `pip install 'mcp>=2'`.
"""

import argparse
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

_TABLE = """
    CREATE TABLE IF NOT EXISTS tasks (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        text TEXT NOT NULL,
        done INTEGER NOT NULL DEFAULT 0
    )
"""
_LONGEST_TEXT = 500


class TodoList:
    """A list of tasks in a SQLite file.

    Args:
        path: The file, which need not be there yet.
        first: The tasks of a new list.
    """

    def __init__(self, path: Path, first: Sequence[str] = ()) -> None:
        self._path = path
        new = not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connected() as database:
            database.execute(_TABLE)
        for text in first if new else ():
            self.add(text)

    def lines(self) -> list[str]:
        """A line for each task, as people read it: what is to be done comes first."""
        with self._connected() as database:
            rows = database.execute("SELECT number, text, done FROM tasks ORDER BY done, number").fetchall()
        return [f"{number}. {text}{' (done)' if done else ''}" for number, text, done in rows]

    def add(self, text: str) -> int:
        """Add a task; gives its number."""
        with self._connected() as database:
            return database.execute("INSERT INTO tasks (text) VALUES (?)", (text,)).lastrowid or 0

    def complete(self, number: int) -> str | None:
        """Mark a task as done; gives its text, or None when there is no such task."""
        with self._connected() as database:
            row = database.execute(
                "UPDATE tasks SET done = 1 WHERE number = ? RETURNING text", (number,)
            ).fetchone()
        return row[0] if row else None

    @contextmanager
    def _connected(self) -> Generator[sqlite3.Connection, None, None]:
        """A connection of its own for each use: tools may run in any thread."""
        database = sqlite3.connect(self._path)
        try:
            with database:
                yield database
        finally:
            database.close()


def todo_server(tasks: TodoList) -> MCPServer:
    """The tools; what their docstrings and types say is all that a model knows of them."""
    server = MCPServer("todo", instructions="The user's to-do list.")

    @server.tool()
    def list_tasks() -> str:
        """List the tasks on the user's to-do list, each with its number."""
        return "\n".join(tasks.lines()) or "The list is empty."

    @server.tool()
    def add_task(text: str) -> str:
        """Add a task to the user's to-do list."""
        text = " ".join(text.split())[:_LONGEST_TEXT]
        if not text:
            raise ToolError("A task needs a text.")
        return f"Added as number {tasks.add(text)}: {text}"

    @server.tool()
    def complete_task(number: int) -> str:
        """Mark a task on the user's to-do list as done, by its number."""
        text = tasks.complete(number)
        if text is None:
            raise ToolError(f"There is no task with the number {number}; list_tasks tells which there are.")
        return f"Done: {text}"

    return server


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--database", type=Path, default="todo.sqlite", help="the file with the list")
    parser.add_argument("--first", action="append", default=[], metavar="TEXT", help="a task of a new list")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="the port to listen on")
    arguments = parser.parse_args()
    server = todo_server(TodoList(arguments.database, arguments.first))
    server.run("streamable-http", host=arguments.host, port=arguments.port)


if __name__ == "__main__":
    main()
