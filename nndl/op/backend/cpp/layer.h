// What operator.cc asks of layer.cc: a layer of cells, forward and backward. All arithmetic is there and nothing of
// Paddle is; so two compilers work at the same time, one reading Paddle's headers, the other one optimising.
#pragma once

#include <cstdint>
#include <functional>

#include "real.h"

struct Panels;  // vectors.h
struct States;  // cells.h

// A kind of cell: W is [M, gates D], U [D, gates D], b [1, slots D]. The rest is explained in cells.h.
struct Kind {
  const char* name;
  int slots, gates, W_first, U_first;
  const int* slot_of_bias;  // those of b's vectors; the first ones are those of W's gates, too
  bool has_C;
  void (*step_rows)(int64_t panels, int64_t first, int64_t end, const Panels& a, const States& before,
                    const States& after);
  void (*back_rows)(int64_t panels, int64_t rows, const Panels& a, const States& before, const States& d_state,
                    const Panels& d);

  int states() const { return has_C ? 2 : 1; }
};

extern const Kind KINDS[3];

// H and C, or their gradients, of all directions [K, B, D], or of one [B, D]; null where there is none.
struct Pair {
  Real *H, *C;
  Pair from(int64_t place) const { return {H ? H + place : nullptr, C ? C + place : nullptr}; }
};

// Of one direction, or their gradients.
struct Parameters {
  Real *W, *U, *b;
};

struct Call {
  const Kind& kind;
  int64_t B, L, M, D, K;     // K directions: one, or two, the second one in reverse
  const Real* X;             // [B, L, M]
  Parameters parameters[2];  // of each direction
  Pair states;               // to start from
  const int64_t* lengths;    // [B], from 0 to L; null where all are L
};

using Memory = std::function<Real*(int64_t numbers)>;  // makes some, to be kept until the call has ended

// Y [B, L, K D], and the last states. What the backward pass needs is left in the reserve, unless that is empty.
void forward(const Call& call, Real* Y, const Pair& last, const Memory& reserve, const Memory& scratch);

// The gradients of X, of each direction's parameters and, unless null, of the states. Those of Y and of the last states
// are null where the loss does not depend on them. A reserve that cannot be of this call is a std::invalid_argument.
void backward(const Call& call, const Real* reserve, int64_t reserve_size, const Real* dY, const Pair& d_last, Real* dX,
              const Parameters* d_parameters, const Pair& d_states, const Memory& scratch);
