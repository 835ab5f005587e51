// One layer of one kind of cell, in one direction, forward and backward, for the sequences of one thread.
//
// A thread runs its sequences through all steps alone; no step waits for another thread. They are sorted, the longest
// first, so that at each step those that go on stand together, and padding costs nothing:
//
//     step  0 1 2 3 4 5 6 7
//     row 0 a b c d e f g h
//     row 1 a b c d              rows_at(2) is 3, rows_at(3) is 2
//     row 2 a b c
//
// Steps are computed in blocks of about BLOCK rows: X W, and in the backward pass dX, dW and dU, are one product a
// block; only H U and dH, which wait for the step before, are one a step.
#pragma once

#include <numeric>
#include <vector>

#include "cells.h"

constexpr int64_t BLOCK = 256;  // rows: with a panel of weights, one panel of it fits into the first cache

// [B, L, width]; `offset` is where this direction's share of each row begins.
struct Batch {
  Real* data;
  int64_t L, width, offset = 0;
  Real* at(int64_t b, int64_t t) const { return data + (b * L + t) * width + offset; }
};

struct Block {
  int64_t first_step, steps, rows;
};

// The sequences of one thread, and when each is computed.
struct Rows {
  std::vector<int64_t> sequence, length;
  std::vector<Block> blocks;
  int64_t longest_block = 0;

  // Every `of`-th of the sorted sequences, from the `part`-th on: each thread gets long and short ones.
  Rows(const std::vector<int64_t>& sorted, const int64_t* lengths, int64_t L, int64_t part, int64_t of) {
    for (size_t i = part; i < sorted.size(); i += of) {
      sequence.push_back(sorted[i]);
      length.push_back(lengths ? lengths[sorted[i]] : L);
    }
    int64_t rows = count();
    for (int64_t step = 0; step < length[0]; ++step) {
      rows = rows_at(step, rows);
      if (blocks.empty() || blocks.back().rows + rows > BLOCK) blocks.push_back({step, 0, 0});
      blocks.back().steps += 1;
      blocks.back().rows += rows;
      longest_block = std::max(longest_block, blocks.back().rows);
    }
  }

  int64_t count() const { return int64_t(sequence.size()); }

  // How many sequences have an element at this step; `most` is known from the step before.
  int64_t rows_at(int64_t step, int64_t most) const {
    while (most > 0 && length[most - 1] <= step) --most;
    return most;
  }

  // The element of a sequence that a step computes: run in reverse, it begins at its own last one.
  int64_t element(int64_t row, int64_t step, bool reverse) const { return reverse ? length[row] - 1 - step : step; }

  // f(row of the block, row, step) for all rows of a block.
  template <typename F>
  void each(const Block& block, F f) const {
    int64_t place = 0, rows = count();
    for (int64_t step = block.first_step; step < block.first_step + block.steps; ++step) {
      rows = rows_at(step, rows);
      for (int64_t row = 0; row < rows; ++row) f(place++, row, step);
    }
  }
};

// Hands out pieces of one allocation.
struct Arena {
  Real* next;
  Real* take(int64_t size) {
    Real* taken = next;
    next += size;
    return taken;
  }
  Panels panels(int64_t panels, int64_t rows) {
    return {take(Panels::size(panels, rows)), Panels::stride_for(rows)};
  }
};

// The slots that a weight matrix adds to: that of each of its gates, in the order of its columns, which is Paddle's
// (i, f, c, o; r, z, c), and the first of them all.
struct Slots {
  int of[4], first;
};

struct Direction {
  const Kind& cell;
  int64_t M, D;
  int64_t depth_X = panels_for(M), depth_H = panels_for(D);  // panels of an input, of a state

  int64_t width() const { return cell.gates * D; }  // of W and U
  int64_t gates() const { return cell.gates * depth_H; }
  int64_t slots() const { return cell.slots * depth_H; }

  States take_states(Arena& arena, int64_t rows) const {
    const Panels H = arena.panels(depth_H, rows);
    return {H, cell.has_C ? arena.panels(depth_H, rows) : Panels{}};
  }
  int64_t states_size(int64_t rows) const { return cell.states() * Panels::size(depth_H, rows); }

  // ---- weights ----

  Slots slots_of_W() const {
    Slots slots{{}, cell.W_first};
    std::copy_n(cell.slot_of_bias, cell.gates, slots.of);
    return slots;
  }
  Slots slots_of_U() const {
    Slots slots{{}, cell.U_first};
    std::iota(slots.of, slots.of + cell.gates, cell.U_first);
    return slots;
  }

  // f(panel, first column, number of columns) for W or U [rows, G D], gate by gate.
  template <typename F>
  void each_panel_of(const Slots& slots, F f) const {
    for (int gate = 0; gate < cell.gates; ++gate)
      each_panel(D, [&](int64_t panel, int64_t first, int64_t count) {
        f((slots.of[gate] - slots.first) * depth_H + panel, gate * D + first, count);
      });
  }

  // To multiply with: A W.
  Factor packed(const Real* weights, int64_t rows, const Slots& slots, Arena& arena) const {
    const int64_t depth = panels_for(rows), size = Factor::size(depth, gates());
    Real* packed = arena.take(size);
    std::fill_n(packed, size, Real(0));
    each_panel_of(slots, [&](int64_t panel, int64_t column, int64_t count) {
      Real* to = packed + panel * depth * WIDTH * WIDTH;
      for (int64_t row = 0; row < rows; ++row, to += WIDTH) copy(weights + row * width() + column, count, to);
    });
    return {packed, depth, gates()};
  }

  // A part of a matrix, turned into the rows of a panel.
  static inline void transpose(const Real* from, int64_t stride, int64_t rows, int64_t columns, Real* to) {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) to[column * WIDTH + row] = from[row * stride + column];
  }

  // To multiply with its transpose: d W'.
  Factor packed_transposed(const Real* weights, int64_t rows, const Slots& slots, Arena& arena) const {
    const int64_t panels = panels_for(rows), size = Factor::size(gates(), panels);
    Real* packed = arena.take(size);
    std::fill_n(packed, size, Real(0));
    each_panel_of(slots, [&](int64_t panel, int64_t column, int64_t count) {
      each_panel(rows, [&](int64_t n, int64_t first, int64_t among) {
        const Real* from = weights + first * width() + column;
        Real* to = packed + (n * gates() + panel) * WIDTH * WIDTH;
        if (among == WIDTH && count == WIDTH)
          transpose(from, width(), WIDTH, WIDTH, to);
        else
          transpose(from, width(), among, count, to);
      });
    });
    return {packed, gates(), panels};
  }

  // The gradient of W or U from where multiply_transposed adds it up.
  void unpack(const Real* packed, int64_t rows, const Slots& slots, Real* weights) const {
    const int64_t depth = panels_for(rows);
    each_panel_of(slots, [&](int64_t panel, int64_t column, int64_t count) {
      const Real* from = packed + panel * depth * WIDTH * WIDTH;
      for (int64_t row = 0; row < rows; ++row, from += WIDTH) copy(from, count, weights + row * width() + column);
    });
  }

  // b, one vector for each slot.
  const Real* packed_b(const Real* b, Arena& arena) const {
    Real* packed = arena.take(slots() * WIDTH);
    for (int i = 0; i < cell.slots; ++i)
      to_panels(b + i * D, D, {packed + cell.slot_of_bias[i] * depth_H * WIDTH, WIDTH}, 0);
    return packed;
  }

  void unpack_b(const Real* packed, Real* b) const {
    for (int i = 0; i < cell.slots; ++i)
      from_panels({const_cast<Real*>(packed) + cell.slot_of_bias[i] * depth_H * WIDTH, WIDTH}, 0, D, b + i * D);
  }

  // ---- what the forward pass keeps of a block ----

  struct Kept {
    Panels slots;
    States before;  // the step
  };

  Kept kept(Arena& arena, int64_t rows) const {
    const Panels a = arena.panels(slots(), rows);
    return {a, take_states(arena, rows)};
  }
  int64_t kept_size(int64_t rows) const { return Panels::size(slots(), rows) + states_size(rows); }

  int64_t reserve_size(const Rows& rows) const {
    int64_t size = 0;
    for (const Block& block : rows.blocks) size += kept_size(block.rows);
    return size;
  }

  // ---- forward ----

  struct Weights {
    Factor W, U;
    const Real* b;
  };

  Weights weights(const Parameters& of, Arena& arena) const {
    return {packed(of.W, M, slots_of_W(), arena), packed(of.U, D, slots_of_U(), arena), packed_b(of.b, arena)};
  }
  int64_t weights_size() const {
    return Factor::size(depth_X, gates()) + Factor::size(depth_H, gates()) + slots() * WIDTH;
  }

  int64_t forward_size(const Rows& rows, bool training) const {
    return Panels::size(depth_X, rows.longest_block) + states_size(rows.count()) +
           (training ? 0 : 2 * kept_size(rows.longest_block));
  }

  // first: the states [B, D] to start from, or null; last: where those at the end go.
  void forward(const Rows& rows, bool reverse, const Weights& by, const Batch& X, const Pair& first, const Batch& Y,
               const Pair& last, Real* reserve, Real* scratch) const {
    Arena arena{scratch}, keeping{reserve};
    const Panels x = arena.panels(depth_X, rows.longest_block);
    const States ended = take_states(arena, rows.count());
    const Arena spare[2] = {arena, {arena.next + kept_size(rows.longest_block)}};  // for blocks that are not kept
    const auto keep = [&](size_t block) {
      Arena turn = spare[block % 2];
      return kept(reserve ? keeping : turn, rows.blocks[block].rows);
    };
    Kept now = keep(0), next = now;
    gather(rows, first, now.before);
    int64_t active = rows.count();
    for (size_t i = 0; i < rows.blocks.size(); ++i, now = next) {
      const Block& block = rows.blocks[i];
      const int64_t end = block.first_step + block.steps;
      if (i + 1 < rows.blocks.size()) next = keep(i + 1);
      gather_inputs(rows, block, reverse, X, x);
      project(block.rows, x, by, now.slots);
      for (int64_t step = block.first_step, place = 0; step < end; ++step) {
        const int64_t going_on = rows.rows_at(step + 1, active);
        const Panels a = now.slots.from_row(place), a_U = a.from_panel(cell.U_first * depth_H);
        const States before = now.before.from_row(place);
        const States after = step + 1 < end ? now.before.from_row(place + active) : next.before;
        multiply(active, before.H, by.U, Start::from(a_U), a_U);  // + H_{t-1} U
        cell.step_rows(depth_H, 0, going_on, a, before, after);
        cell.step_rows(depth_H, going_on, active, a, before, ended);
        clear_padding(0, going_on, after);
        clear_padding(going_on, active, ended);
        for (int64_t row = 0; row < active; ++row)
          from_panels(row < going_on ? after.H : ended.H, row, D,
                      Y.at(rows.sequence[row], rows.element(row, step, reverse)));
        place += active;
        active = going_on;
      }
    }
    scatter(rows, ended, last);
  }

  // Zeros stay zeros in the columns that fill up the last panel, but for infinity times zero, which is NaN.
  void clear_padding(int64_t first, int64_t end, const States& states) const {
    const int64_t used = D % WIDTH;
    if (!used) return;
    for (int64_t row = first; row < end; ++row) {
      std::fill(states.H.at(depth_H - 1, row) + used, states.H.at(depth_H - 1, row) + WIDTH, Real(0));
      if (cell.has_C) std::fill(states.C.at(depth_H - 1, row) + used, states.C.at(depth_H - 1, row) + WIDTH, Real(0));
    }
  }

  // X W + b; a slot without W starts from its b alone.
  void project(int64_t rows, const Panels& x, const Weights& by, const Panels& a) const {
    const int64_t first = cell.W_first * depth_H, end = first + gates();
    multiply(rows, x, by.W, Start::from_one_row(by.b + first * WIDTH), a.from_panel(first));
    multiply(rows, x, {nullptr, 0, slots() - end}, Start::from_one_row(by.b + end * WIDTH), a.from_panel(end));
  }

  // The inputs of a block.
  void gather_inputs(const Rows& rows, const Block& block, bool reverse, const Batch& X, const Panels& x) const {
    rows.each(block, [&](int64_t place, int64_t row, int64_t step) {
      to_panels(X.at(rows.sequence[row], rows.element(row, step, reverse)), M, x, place);
    });
  }

  // The states [B, D] of the sequences of this thread, and back; without any, zeros.
  void gather(const Rows& rows, const Pair& from, const States& to) const {
    gather(rows, from.H, to.H);
    if (cell.has_C) gather(rows, from.C, to.C);
  }
  void scatter(const Rows& rows, const States& from, const Pair& to) const {
    scatter(rows, from.H, to.H);
    if (cell.has_C) scatter(rows, from.C, to.C);
  }

  void gather(const Rows& rows, const Real* from, const Panels& to) const {
    for (int64_t row = 0; row < rows.count(); ++row)
      if (from)
        to_panels(from + rows.sequence[row] * D, D, to, row);
      else
        for (int64_t panel = 0; panel < depth_H; ++panel) std::fill_n(to.at(panel, row), WIDTH, Real(0));
  }
  void scatter(const Rows& rows, const Panels& from, Real* to) const {
    if (to)
      for (int64_t row = 0; row < rows.count(); ++row) from_panels(from, row, D, to + rows.sequence[row] * D);
  }

  // ---- backward ----

  struct WeightsBack {
    Factor W, U;  // transposed
  };

  WeightsBack weights_back(const Parameters& of, Arena& arena) const {
    return {packed_transposed(of.W, M, slots_of_W(), arena), packed_transposed(of.U, D, slots_of_U(), arena)};
  }
  int64_t weights_back_size() const { return Factor::size(gates(), depth_X) + Factor::size(gates(), depth_H); }

  // Where one thread adds up the gradients of the weights.
  struct Sums {
    Real *dW, *dU, *db;
  };
  Sums sums(Real* at) const {
    return {at, at + Factor::size(depth_X, gates()),
            at + Factor::size(depth_X, gates()) + Factor::size(depth_H, gates())};
  }
  int64_t sums_size() const { return weights_size(); }

  // The gradients of the parameters from the sums of `parts` threads, one after the other.
  void unpack_sums(Real* at, int64_t parts, const Parameters& to) const {
    const int64_t size = sums_size();
    if (!parts) std::fill_n(at, size, Real(0));
    for (int64_t part = 1; part < parts; ++part)
      for (int64_t i = 0; i < size; ++i) at[i] += at[part * size + i];
    const Sums total = sums(at);
    unpack(total.dW, M, slots_of_W(), to.W);
    unpack(total.dU, D, slots_of_U(), to.U);
    unpack_b(total.db, to.b);
  }

  int64_t backward_size(const Rows& rows) const {
    return 2 * Panels::size(depth_X, rows.longest_block) + Panels::size(slots(), rows.longest_block) +
           states_size(rows.count());
  }

  // last: the gradients of the last states [B, D], or null; first: where those of the first ones go, or null.
  void backward(const Rows& rows, bool reverse, const WeightsBack& by, const Batch& X, const Batch& dY,
                const Pair& last, const Real* reserve_end, const Batch& dX, bool add_to_dX, const Pair& first,
                const Sums& to, Real* scratch) const {
    Arena arena{scratch};
    const int64_t most = rows.longest_block;
    const Panels x = arena.panels(depth_X, most), dx = arena.panels(depth_X, most), d = arena.panels(slots(), most);
    const Panels d_W = d.from_panel(cell.W_first * depth_H), d_U = d.from_panel(cell.U_first * depth_H);
    const States d_state = take_states(arena, rows.count());
    gather(rows, last, d_state);
    std::fill_n(to.dW, sums_size(), Real(0));
    for (size_t i = rows.blocks.size(); i-- > 0;) {
      const Block& block = rows.blocks[i];
      Arena keeping{const_cast<Real*>(reserve_end -= kept_size(block.rows))};
      const Kept own = kept(keeping, block.rows);
      int64_t place = block.rows;
      for (int64_t step = block.first_step + block.steps; step-- > block.first_step;) {
        const int64_t active = rows.rows_at(step, rows.count());
        place -= active;
        if (dY.data)
          for (int64_t row = 0; row < active; ++row)
            add_to_panels(dY.at(rows.sequence[row], rows.element(row, step, reverse)), D, d_state.H, row);
        cell.back_rows(depth_H, active, own.slots.from_row(place), own.before.from_row(place), d_state,
                       d.from_row(place));
        multiply(active, d_U.from_row(place), by.U, Start::from(d_state.H), d_state.H);  // dH_{t-1} += d U'
      }
      gather_inputs(rows, block, reverse, X, x);
      multiply_transposed(block.rows, x, depth_X, d_W, gates(), to.dW);             // dW += X' d
      multiply_transposed(block.rows, own.before.H, depth_H, d_U, gates(), to.dU);  // dU += H_{t-1}' d
      add_rows(block.rows, d, slots(), to.db);                                      // db += the sum of d
      multiply(block.rows, d_W, by.W, Start::from_zero(), dx);                      // dX = d W'
      rows.each(block, [&](int64_t place, int64_t row, int64_t step) {
        Real* to = dX.at(rows.sequence[row], rows.element(row, step, reverse));
        add_to_dX ? add_from_panels(dx, place, M, to) : from_panels(dx, place, M, to);
      });
    }
    scatter(rows, d_state, first);
  }
};
