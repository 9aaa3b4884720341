"""Lines 407-427 of the notes: one global threading.local, and a student for each thread."""

import threading

school = threading.local()


def process_student():
    student = school.student
    print(f"{student} is served by {threading.current_thread().name}")


def process_thread(name):
    school.student = name
    process_student()


alice = threading.Thread(target=process_thread, args=("Alice",), name="Thread-A")
bob = threading.Thread(target=process_thread, args=("Bob",), name="Thread-B")
alice.start()
bob.start()
alice.join()
bob.join()
