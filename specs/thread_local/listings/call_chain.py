"""Lines 389-400 of the notes, with what is missing there: the class, the subtasks and a call.

As in the notes, the second task does the second subtask twice.
"""


class Student:
    """Someone with a name."""

    def __init__(self, name):
        """Take the name."""
        self.name = name


def process_student(name):
    student = Student(name)
    do_task_1(student)
    do_task_2(student)


def do_task_1(student):
    print(f"task 1 for {student.name}")
    do_subtask_1(student)
    do_subtask_2(student)


def do_task_2(student):
    print(f"task 2 for {student.name}")
    do_subtask_2(student)
    do_subtask_2(student)


def do_subtask_1(student):
    print(f"subtask 1 for {student.name}")


def do_subtask_2(student):
    print(f"subtask 2 for {student.name}")


if __name__ == "__main__":
    process_student("Alice")
