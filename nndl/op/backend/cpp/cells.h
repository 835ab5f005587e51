// The equations of the three cells and of their gradients, each in one place; nndl/op/cell.py has them in Python.
//
// A cell has SLOTS values side by side at each step. Before `step` they hold the preactivations: W adds X W to GATES of
// them from W_FIRST on, U adds H U to GATES of them from U_FIRST on, and b adds to all. `step` turns them into what
// `back` will need, and `back` those into the gradients d of the preactivations.
#pragma once

#include "vectors.h"

// What enters a step and what leaves it, or their gradients; C only where the cell has one.
struct State {
  Vec H, C;
};

// H_t = tanh(X_t W + H_{t-1} U + b)
struct SRN {
  static constexpr int SLOTS = 1, GATES = 1, W_FIRST = 0, U_FIRST = 0;
  static constexpr int SLOT_OF_BIAS[] = {0};
  static constexpr bool HAS_C = false;

  static State step(Vec* a, State) {
    a[0] = tanh(a[0]);
    return {a[0], Vec{}};
  }

  static State back(const Vec* a, State, State d_after, Vec* d) {
    d[0] = d_after.H * (1 - a[0] * a[0]);
    return {Vec{}, Vec{}};
  }
};

// I, F, O = sigmoid(...), C~ = tanh(...); C_t = F C_{t-1} + I C~; H_t = O tanh(C_t)
struct LSTM {
  static constexpr int SLOTS = 4, GATES = 4, W_FIRST = 0, U_FIRST = 0;  // i, f, c, o
  static constexpr int SLOT_OF_BIAS[] = {0, 1, 2, 3};
  static constexpr bool HAS_C = true;

  static State step(Vec* a, State before) {
    const Vec I = a[0] = sigmoid(a[0]), F = a[1] = sigmoid(a[1]), C_tilde = a[2] = tanh(a[2]), O = a[3] = sigmoid(a[3]);
    const Vec C = F * before.C + I * C_tilde;
    return {O * tanh(C), C};
  }

  static State back(const Vec* a, State before, State d_after, Vec* d) {
    const Vec I = a[0], F = a[1], C_tilde = a[2], O = a[3];
    const Vec tanh_C = tanh(F * before.C + I * C_tilde);
    const Vec dC = d_after.C + d_after.H * O * (1 - tanh_C * tanh_C);
    d[0] = dC * C_tilde * I * (1 - I);
    d[1] = dC * before.C * F * (1 - F);
    d[2] = dC * I * (1 - C_tilde * C_tilde);
    d[3] = d_after.H * tanh_C * O * (1 - O);
    return {Vec{}, dC * F};
  }
};

// R, Z = sigmoid(...); H~ = tanh(X W_c + b_c + R (H_{t-1} U_c + b_hc)); H_t = (H_{t-1} - H~) Z + H~
struct GRU {
  static constexpr int SLOTS = 4, GATES = 3, W_FIRST = 0, U_FIRST = 1;  // c of X, r, z, c of H
  static constexpr int SLOT_OF_BIAS[] = {1, 2, 0, 3};                  // b_r, b_z, b_c, b_hc
  static constexpr bool HAS_C = false;

  static State step(Vec* a, State before) {
    const Vec R = a[1] = sigmoid(a[1]), Z = a[2] = sigmoid(a[2]), H_tilde = a[0] = tanh(a[0] + R * a[3]);
    return {(before.H - H_tilde) * Z + H_tilde, Vec{}};
  }

  static State back(const Vec* a, State before, State d_after, Vec* d) {
    const Vec H_tilde = a[0], R = a[1], Z = a[2], from_H = a[3];
    d[0] = d_after.H * (1 - Z) * (1 - H_tilde * H_tilde);
    d[1] = d[0] * from_H * R * (1 - R);
    d[2] = d_after.H * (before.H - H_tilde) * Z * (1 - Z);
    d[3] = d[0] * R;
    return {d_after.H * Z, Vec{}};
  }
};

// The slot of the g-th gate in the columns of W and of U, which stand in Paddle's order: i, f, c, o; r, z, c.
template <typename Cell>
constexpr int slot_in_W(int gate) {
  return Cell::SLOT_OF_BIAS[gate];
}
template <typename Cell>
constexpr int slot_in_U(int gate) {
  return Cell::U_FIRST + gate;
}
