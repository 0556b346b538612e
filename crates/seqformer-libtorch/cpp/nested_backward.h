// A backward pass inside of another one, whose gradients of parameters are not yet the final ones.

#pragma once

class NestedBackward {
public:
  NestedBackward() { ++depth(); }
  ~NestedBackward() { --depth(); }
  NestedBackward(const NestedBackward &) = delete;
  NestedBackward &operator=(const NestedBackward &) = delete;

  static bool is_running() { return depth() > 0; }

private:
  // A pass inside of another runs on the thread of the outer one.
  static int &depth() {
    static thread_local int depth = 0;
    return depth;
  }
};
