"""Lines 389-400 of the notes with nothing added but the call: three names are missing."""


def process_student(name):
    student = Student(name)  # noqa: F821 - missing in the notes
    do_task_1(student)
    do_task_2(student)


def do_task_1(student):
    do_subtask_1(student)  # noqa: F821 - missing in the notes
    do_subtask_2(student)  # noqa: F821 - missing in the notes


def do_task_2(student):
    do_subtask_2(student)  # noqa: F821 - missing in the notes
    do_subtask_2(student)  # noqa: F821 - missing in the notes


process_student("Alice")
