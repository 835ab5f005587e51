// The equations of the three cells and of their gradients, each in one place; nndl/op/cell.py has them in Python.
//
// A cell has SLOTS values side by side at each step. Before `step` they hold the preactivations: X W is added to GATES
// of them from W_FIRST on, H U to GATES of them from U_FIRST on, and b to all. `step` turns them into what `back` will
// need, and `back` those into the gradients d of the preactivations.
#pragma once

#include "layer.h"
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

// ---- for all numbers of a step -----------------------------------------------------------------------------------

// H and C in panels; C only where the cell has one.
struct States {
  Panels H, C;

  States from_row(int64_t row) const { return {H.from_row(row), C.from_row(row)}; }
};

template <typename Cell>
State load_state(const States& from, int64_t panel, int64_t row, int half) {
  return {load(from.H.at(panel, row) + half), Cell::HAS_C ? load(from.C.at(panel, row) + half) : Vec{}};
}

template <typename Cell>
void store_state(const State& state, const States& to, int64_t panel, int64_t row, int half) {
  store(to.H.at(panel, row) + half, state.H);
  if (Cell::HAS_C) store(to.C.at(panel, row) + half, state.C);
}

// f(panel, row, half) for each vector of `panels` panels.
template <typename F>
void each_vector(int64_t panels, int64_t first_row, int64_t end_row, F f) {
  for (int64_t panel = 0; panel < panels; ++panel)
    for (int64_t row = first_row; row < end_row; ++row)
      for (int half = 0; half < WIDTH; half += LANES) f(panel, row, half);
}

// One step of the rows from `first` to `end`.
template <typename Cell>
void step_rows(int64_t panels, int64_t first, int64_t end, const Panels& a, const States& before, const States& after) {
  each_vector(panels, first, end, [&](int64_t panel, int64_t row, int half) {
    Vec slot[Cell::SLOTS];
    for (int i = 0; i < Cell::SLOTS; ++i) slot[i] = load(a.at(i * panels + panel, row) + half);
    store_state<Cell>(Cell::step(slot, load_state<Cell>(before, panel, row, half)), after, panel, row, half);
    for (int i = 0; i < Cell::SLOTS; ++i) store(a.at(i * panels + panel, row) + half, slot[i]);
  });
}

// Its gradients, of `rows` rows: d_state, of the states after the step, becomes that of those before, but for d U'.
template <typename Cell>
void back_rows(int64_t panels, int64_t rows, const Panels& a, const States& before, const States& d_state,
               const Panels& d) {
  each_vector(panels, 0, rows, [&](int64_t panel, int64_t row, int half) {
    Vec slot[Cell::SLOTS], found[Cell::SLOTS];
    for (int i = 0; i < Cell::SLOTS; ++i) slot[i] = load(a.at(i * panels + panel, row) + half);
    const State d_before = Cell::back(slot, load_state<Cell>(before, panel, row, half),
                                      load_state<Cell>(d_state, panel, row, half), found);
    store_state<Cell>(d_before, d_state, panel, row, half);
    for (int i = 0; i < Cell::SLOTS; ++i) store(d.at(i * panels + panel, row) + half, found[i]);
  });
}

template <typename Cell>
constexpr Kind kind_of(const char* name) {
  return {name, Cell::SLOTS, Cell::GATES, Cell::W_FIRST, Cell::U_FIRST,
          Cell::SLOT_OF_BIAS, Cell::HAS_C, step_rows<Cell>, back_rows<Cell>};
}
