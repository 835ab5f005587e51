// A Paddle operator around oneDNN's LSTM: one layer in one direction or both, its outputs and its gradients;
// nndl/op/backend/onednn.py calls it.
//
// oneDNN knows no sequence lengths. Sequences of different lengths are therefore aligned at their END and sorted, the
// longest first, so that at each step the rows that have begun stand together:
//
//     step  0 1 2 3 4 5 6 7
//     row 0 a b c d e f g h        steps 0-3: a call of 1 row
//     row 1 · · · · a b c d        steps 4-7: a call of 3 rows; the dots cost (almost) nothing,
//     row 2 · · · · · a b c        and the states after the last step are the last states of all sequences
//
// A row that has not begun (the dot before a in row 2) is held still: an input of its own, 1 there and 0 elsewhere,
// closes the input gate and the output gate and opens the forget gate, so that H stays 0 and C stays what it was,
// exactly, and every gradient through it is exactly 0.
//
// No failure may leave as an exception that Paddle does not know: it ends the process. So the operator looks at all it is
// given before it reads any of it, and what fails nevertheless leaves as an exception of Paddle's; see throw_paddles().
//
// Batches of one length are copied, too, step after step: only then does oneDNN find the gradients of the weights by
// one product over all steps. That pays for the copies, and for batches of a few sequences several times over.
#include <sys/mman.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <sstream>
#include <tuple>

#include "onednn.h"
#include "paddle/common/enforce.h"
#include "paddle/phi/api/ext/op_meta_info.h"
#include "paddle/phi/api/include/api.h"

extern "C" {  // of the OpenMP that Paddle and its oneDNN use
int omp_get_max_threads();
void omp_set_num_threads(int);
}

using onednn::Arg;
using onednn::Primitive;
using paddle::Tensor;

namespace {

constexpr int GATES = 4;
constexpr float CLOSED = -1e4f;    // sigmoid(-1e4) is 0, and sigmoid(1e4) is 1, to the last bit
constexpr int64_t CALL_STEPS = 32;  // longer calls hold more rows still, shorter ones cost more calls
constexpr int64_t ROUNDING = 8;     // few different shapes: oneDNN generates code for each
constexpr uintptr_t PAGE = 4096;
constexpr size_t WORTH_LARGE_PAGES = 4 << 20;  // bytes
constexpr size_t KEPT = 128;        // primitives that a thread keeps
constexpr int64_t COPIES_WORTH_THREADS = 2048;        // vectors to copy
constexpr int64_t PRODUCTS_WORTH_THREADS = 512 * 1024;  // multiplications a step and gate

// A step too small to be shared out is done by one thread: waiting for the others would take longer.
class Threads {
 public:
  Threads(int64_t rows, int64_t D) : before_(omp_get_max_threads()) {
    if (rows * D * D < PRODUCTS_WORTH_THREADS) omp_set_num_threads(1);
  }
  ~Threads() { omp_set_num_threads(before_); }

 private:
  int before_;
};

// Memory that the kernel hands out in large pages: in small ones, a third of the time would go into page faults.
Tensor empty(const std::vector<int64_t>& shape) {
  Tensor made = paddle::experimental::empty(shape, paddle::DataType::FLOAT32);
  const uintptr_t start = reinterpret_cast<uintptr_t>(made.data<float>()), end = start + made.numel() * sizeof(float);
  const uintptr_t first = (start + PAGE - 1) / PAGE * PAGE;
  if (made.numel() * sizeof(float) >= WORTH_LARGE_PAGES)
    madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);  // where it is refused, small ones serve
  return made;
}

Tensor zeros(const std::vector<int64_t>& shape) {
  Tensor made = empty(shape);
  std::fill_n(made.data<float>(), made.numel(), 0.f);
  return made;
}

Tensor buffer(int64_t count) { return empty({count}); }

// ---- what the operator takes -------------------------------------------------------------------------------------

template <typename... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  PADDLE_THROW(common::errors::InvalidArgument("nndl_lstm: %s", text.str()));
}

std::string text(const std::vector<int64_t>& shape) {
  std::string all;
  for (int64_t n : shape) all += (all.empty() ? "" : ", ") + std::to_string(n);
  return "[" + all + "]";
}

void require_rank(const char* name, const Tensor& given, size_t rank) {
  if (!given.defined() || !given.is_dense_tensor() || given.shape().size() != rank)
    refuse(name, ": expected a dense tensor of ", rank, " axes");
}

void require(const char* name, const Tensor& given, const std::vector<int64_t>& shape,
             paddle::DataType type = paddle::DataType::FLOAT32) {
  require_rank(name, given, shape.size());
  if (given.shape() != shape) refuse(name, " of shape ", text(given.shape()), ": expected ", text(shape));
  if (given.numel() == 0) return;  // such a tensor need not have memory
  if (!given.has_allocation() || !given.is_cpu() || given.dtype() != type || !given.is_contiguous())
    refuse(name, ": expected ", type, " on the CPU, in one piece");
}

// What Forward's comment says.
void require_inputs(const Tensor& X, const Tensor& W, const Tensor& U, const Tensor& b, const Tensor& H0,
                    const Tensor& C0, const Tensor& lengths) {
  require_rank("X", X, 3);
  require_rank("b", b, 2);
  const int64_t B = X.shape()[0], L = X.shape()[1], M = X.shape()[2], K = b.shape()[0], D = b.shape()[1] / GATES;
  if (K < 1 || K > 2 || D < 1 || M < 1)
    refuse(K, " directions, from ", M, " to ", D, " numbers: expected 1 or 2, and at least one number");
  const bool has_K = K == 2 || (W.defined() && W.shape().size() == 3);
  const auto each = [&](std::vector<int64_t> shape) {
    if (has_K) shape.insert(shape.begin(), K);
    return shape;
  };
  require("X", X, {B, L, M});
  require("W", W, each({M, GATES * D}));
  require("U", U, each({D, GATES * D}));
  require("b", b, {K, GATES * D});
  require("H0", H0, each({B, D}));
  require("C0", C0, each({B, D}));
  require("lengths", lengths, {B}, paddle::DataType::INT64);
  for (int64_t i = 0; i < B; ++i)
    if (const int64_t n = lengths.data<int64_t>()[i]; n < 0 || n > L) refuse("a length of ", n, ": expected 0 to ", L);
}

// Called where an exception was caught. Paddle knows its own; any other it meets with std::terminate.
[[noreturn]] void throw_paddles() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    PADDLE_THROW(common::errors::ResourceExhausted("nndl_lstm: not enough memory"));
  } catch (const std::runtime_error& error) {
    PADDLE_THROW(common::errors::External("nndl_lstm: %s", error.what()));
  } catch (const std::logic_error& error) {
    PADDLE_THROW(common::errors::External("nndl_lstm: %s", error.what()));
  }
}

int64_t rounded_up(int64_t n) { return (n + ROUNDING - 1) / ROUNDING * ROUNDING; }

// ---- which element of which sequence is computed when ----------------------------------------------------------

struct Call {
  int64_t start, steps, rows;
};

struct Schedule {
  int64_t B, L, M, D, T = 0;    // T: the steps that are computed
  bool reverse = false;         // nothing else depends on it, so one schedule serves both directions
  bool has_states;
  std::vector<int64_t> order;   // the sequences, the longest first; empty ones are left out
  std::vector<int64_t> length;  // of each row
  std::vector<Call> calls;
  bool uneven = false;

  Schedule(const Tensor& X, const Tensor& U, const Tensor& lengths, bool has_states)
      : B(X.shape()[0]), L(X.shape()[1]), M(X.shape()[2]), D(U.shape().back() / GATES),
        has_states(has_states) {
    const int64_t* n = lengths.data<int64_t>();
    for (int64_t b = 0; b < B; ++b)
      if (n[b] > 0) order.push_back(b);
    std::stable_sort(order.begin(), order.end(), [n](int64_t a, int64_t b) { return n[a] > n[b]; });
    for (int64_t b : order) length.push_back(n[b]);
    if (order.empty()) return;
    uneven = length.front() != length.back();
    T = uneven ? rounded_up(length.front()) : length.front();
    if (!uneven) {
      calls.push_back({0, T, rows()});
      return;
    }
    for (int64_t start = 0; start < T;) {
      int64_t steps = start == 0 && T % CALL_STEPS ? T % CALL_STEPS : CALL_STEPS;
      int64_t begun = std::count_if(length.begin(), length.end(), [&](int64_t n) { return T - n < start + steps; });
      int64_t computed = std::min(rounded_up(begun), rows());
      if (!calls.empty() && calls.back().rows == computed)
        calls.back().steps += steps;
      else
        calls.push_back({start, steps, computed});
      start += steps;
    }
  }

  // Whether every element of the batch is computed.
  bool is_full() const { return !uneven && rows() == B && T == L; }

  int64_t rows() const { return int64_t(order.size()); }

  // One input more where rows are held still, and D more where such a row brings a state: see widened().
  int64_t width() const { return !uneven ? M : M + 1 + (has_states ? D : 0); }

  // The element of row r that step s computes, or -1 while the row has not begun.
  int64_t element(int64_t s, int64_t r) const {
    int64_t since = s - (T - length[r]);
    return since < 0 ? -1 : reverse ? length[r] - 1 - since : since;
  }

  // f(place in the call, place in the batch) for every (step, row) of a call; the second is -1 for rows held still.
  template <typename F>
  void each(const Call& call, F f) const {
#pragma omp parallel for if (call.steps * call.rows > COPIES_WORTH_THREADS)
    for (int64_t s = 0; s < call.steps; ++s)
      for (int64_t r = 0; r < call.rows; ++r) {
        int64_t t = element(call.start + s, r);
        f(s * call.rows + r, t < 0 ? -1 : order[r] * L + t);
      }
  }

  // f(place in the call, sequence) for every row whose first element this call computes.
  template <typename F>
  void each_first(const Call& call, F f) const {
    for (int64_t r = 0; r < call.rows; ++r) {
      int64_t step = T - length[r] - call.start;
      if (step >= 0 && step < call.steps) f(step * call.rows + r, order[r]);
    }
  }
};

// Vectors that lie in a batch [B, L, stride] from `offset` on: of X, or of one direction's share of Y.
struct Slice {
  float* data;
  int64_t stride, offset;
  float* operator[](int64_t element) const { return data + element * stride + offset; }
};

Slice slice(const Tensor& batch, int64_t stride, int64_t offset = 0) {
  return {const_cast<float*>(batch.data<float>()), stride, offset};
}

// The inputs of a call, [steps, rows, width]. A row that is held still gets a 1 in the column after the inputs. The H
// that a sequence starts from cannot pass through such steps (H is 0 there), so it enters as D further inputs of its
// first step, with weights U.
Tensor gathered_inputs(const Schedule& plan, const Call& call, const Slice& X, const float* H0) {
  const int64_t M = plan.M, D = plan.D, width = plan.width();
  Tensor packed = buffer(call.steps * call.rows * width);
  float* out = packed.data<float>();
  plan.each(call, [&](int64_t to, int64_t from) {
    float* row = out + to * width;
    if (from < 0)
      std::fill_n(row, M, 0.f);
    else
      std::copy_n(X[from], M, row);
    if (plan.uneven) std::fill(row + M, row + width, 0.f);
    if (plan.uneven && from < 0) row[M] = 1.f;
  });
  if (plan.uneven && plan.has_states)
    plan.each_first(call, [&](int64_t place, int64_t b) { std::copy_n(H0 + b * D, D, out + place * width + M + 1); });
  return packed;
}

// Vectors of size D in the order of a call; zeros for rows held still.
Tensor gathered(const Schedule& plan, const Call& call, const Slice& batch) {
  const int64_t D = plan.D;
  Tensor packed = buffer(call.steps * call.rows * D);
  float* out = packed.data<float>();
  plan.each(call, [&](int64_t to, int64_t from) {
    if (from < 0)
      std::fill_n(out + to * D, D, 0.f);
    else
      std::copy_n(batch[from], D, out + to * D);
  });
  return packed;
}

// The way back, for the first `size` of `width` columns; a second direction adds to the first one's.
void scatter(const Schedule& plan, const Call& call, const Tensor& packed, int64_t width, const Slice& batch,
             int64_t size, bool add) {
  const float* in = packed.data<float>();
  plan.each(call, [&](int64_t from, int64_t to) {
    if (to < 0) return;
    float* out = batch[to];
    const float* row = in + from * width;
    if (add)
      std::transform(row, row + size, out, out, std::plus<float>());
    else
      std::copy_n(row, size, out);
  });
}

// The states [B, D] of rows first..last, in the order of the rows, and back.
void gather_rows(const Schedule& plan, const float* states, int64_t first, int64_t last, float* out) {
  for (int64_t r = first; r < last; ++r) std::copy_n(states + plan.order[r] * plan.D, plan.D, out + r * plan.D);
}

void scatter_rows(const Schedule& plan, const float* in, int64_t first, int64_t last, float* states) {
  for (int64_t r = first; r < last; ++r) std::copy_n(in + r * plan.D, plan.D, states + plan.order[r] * plan.D);
}

// W [M, 4D] with the rows for the further inputs: what holds a row still, and U for a first H.
Tensor widened(const Schedule& plan, const float* W, const float* U) {
  const int64_t D = plan.D, line = GATES * D;
  Tensor wide = buffer(plan.width() * line);
  float* still = std::copy_n(W, plan.M * line, wide.data<float>());
  if (!plan.uneven) return wide;
  std::fill_n(still, D, CLOSED);               // input gate
  std::fill_n(still + D, D, -CLOSED);          // forget gate
  std::fill_n(still + 2 * D, D, 0.f);          // candidate
  std::fill_n(still + 3 * D, D, CLOSED);       // output gate
  if (plan.has_states) std::copy_n(U, D * line, still + line);
  return wide;
}

// ---- oneDNN's part ---------------------------------------------------------------------------------------------

using Key = std::tuple<int, int, int64_t, int64_t, int64_t, int64_t>;

onednn::Owner<dnnl_primitive_desc> describe(onednn::Kind kind, const Call& call, int64_t M, int64_t D) {
  const int64_t T = call.steps, n = call.rows;
  const auto X = onednn::layout({T, n, M}), Y = onednn::layout({T, n, D}), b = onednn::layout({1, 1, GATES, D});
  const auto state = onednn::layout({1, 1, n, D});
  const auto W = onednn::any_layout({1, 1, M, GATES, D}), U = onednn::any_layout({1, 1, D, GATES, D});
  const auto dW = onednn::layout({1, 1, M, GATES, D}), dU = onednn::layout({1, 1, D, GATES, D});
  const auto *x = X.get(), *y = Y.get(), *s = state.get(), *w = W.get(), *u = U.get(), *bias = b.get();
  const onednn::Context& own = onednn::context();
  const bool backward = kind == onednn::BACKWARD;
  auto forward = onednn::make("the LSTM", dnnl_lstm_forward_primitive_desc_create, own.engine.get(),
                              backward ? onednn::FORWARD_TRAINING : kind, onednn::LEFT_TO_RIGHT, x, s, s, w, u, nullptr,
                              nullptr, bias, y, s, s, 0, own.attributes.get());
  if (!backward) return forward;
  return onednn::make("the LSTM's gradient", dnnl_lstm_backward_primitive_desc_create, own.engine.get(), kind,
                      onednn::LEFT_TO_RIGHT, x, s, s, w, u, nullptr, nullptr, bias, y, s, s,  // and their gradients:
                      x, s, s, dW.get(), dU.get(), nullptr, nullptr, bias, y, s, s, 0, forward.get(),
                      own.attributes.get());
}

std::shared_ptr<const Primitive> primitive(onednn::Kind kind, const Call& call, int64_t M, int64_t D) {
  onednn::context();  // made before, so destroyed after the primitives
  thread_local std::map<Key, std::shared_ptr<const Primitive>> kept;
  if (kept.size() >= KEPT) kept.clear();
  auto& own = kept[Key{kind, omp_get_max_threads(), call.steps, call.rows, M, D}];
  if (!own) own = std::make_shared<const Primitive>(describe(kind, call, M, D));
  return own;
}

// A matrix [rows, 4D] in the layout that a primitive wants; copied again only for another layout.
class Weights {
 public:
  Weights(const float* plain, int64_t rows, int64_t D)
      : plain_(const_cast<float*>(plain)), layout_(onednn::layout({1, 1, rows, GATES, D})) {}

  void* for_use(const std::shared_ptr<const Primitive>& lstm, int arg) {
    const dnnl_memory_desc* wanted = lstm->layout_of(arg);
    if (dnnl_memory_desc_equal(wanted, layout_.get())) return plain_;
    if (!user_ || !dnnl_memory_desc_equal(wanted, user_->layout_of(arg))) {
      copy_ = buffer(int64_t(lstm->bytes_of(arg) / sizeof(float)) + 1);
      onednn::reorder(layout_.get(), plain_, wanted, copy_.data<float>());
      user_ = lstm;
    }
    return copy_.data<float>();
  }

 private:
  float* plain_;
  Tensor copy_;
  onednn::Owner<dnnl_memory_desc> layout_;
  std::shared_ptr<const Primitive> user_;  // whose layout the copy has
};

Tensor scratchpad(const Primitive& lstm) { return buffer(int64_t(lstm.bytes_of(Arg::SCRATCHPAD) / sizeof(float)) + 1); }

// What the backward pass needs of a call lies in one tensor: the four states, then oneDNN's workspace.
struct Reserve {
  int64_t state, states, size;  // in floats

  Reserve(const Primitive& lstm, const Call& call, int64_t D)
      : state(call.rows * D), states(lines(4 * state)), size(states + lines(lstm.bytes_of(Arg::WORKSPACE) / 4 + 1)) {}

  float* workspace(float* own) const { return own + states; }

 private:
  static int64_t lines(int64_t floats) { return (floats + 15) / 16 * 16; }  // whole cache lines
};

// The parameters and first states of one direction.
struct Parameters {
  const float *W, *U, *b, *H0, *C0;

  Parameters(const Schedule& plan, int64_t k, const Tensor& W, const Tensor& U, const Tensor& b, const Tensor& H0,
             const Tensor& C0)
      : W(W.data<float>() + k * plan.M * GATES * plan.D),
        U(U.data<float>() + k * plan.D * GATES * plan.D),
        b(b.data<float>() + k * GATES * plan.D),
        H0(H0.data<float>() + k * plan.B * plan.D),
        C0(C0.data<float>() + k * plan.B * plan.D) {}
};

int64_t reserve_size(onednn::Kind kind, const Schedule& plan) {
  int64_t size = 0;
  for (const Call& call : plan.calls)
    size += Reserve(*primitive(kind, call, plan.width(), plan.D), call, plan.D).size;
  return size;
}

// One direction; writes its share of Y, the last states H and C [B, D], and in training the reserve.
void forward(const Schedule& plan, const Parameters& own, const Slice& X, const Slice& Y, float* H, float* C,
             float* reserve) {
  const int64_t D = plan.D, width = plan.width();
  const auto kind = reserve ? onednn::FORWARD_TRAINING : onednn::FORWARD_INFERENCE;
  std::copy_n(own.H0, plan.B * D, H);  // an empty sequence keeps its states
  std::copy_n(own.C0, plan.B * D, C);
  const Tensor wide = widened(plan, own.W, own.U);
  Weights weights_W(wide.data<float>(), width, D), weights_U(own.U, D, D);
  Tensor previous;  // the states [H, C] after the call before
  int64_t begun = 0;
  for (const Call& call : plan.calls) {
    const auto lstm = primitive(kind, call, width, D);
    const Reserve room(*lstm, call, D);
    Tensor states = reserve ? Tensor() : buffer(4 * room.state);
    float* src_h = reserve ? reserve : states.data<float>();
    float *src_c = src_h + room.state, *dst_h = src_c + room.state, *dst_c = dst_h + room.state;
    if (begun) {
      std::copy_n(previous.data<float>(), begun * D, src_h);
      std::copy_n(previous.data<float>() + begun * D, begun * D, src_c);
    }
    if (plan.uneven)
      std::fill(src_h + begun * D, src_h + room.state, 0.f);
    else
      gather_rows(plan, own.H0, begun, call.rows, src_h);
    gather_rows(plan, own.C0, begun, call.rows, src_c);

    Tensor inputs = gathered_inputs(plan, call, X, own.H0), outputs = buffer(call.steps * room.state);
    Tensor scratch = scratchpad(*lstm);
    std::map<int, void*> data{{Arg::SRC, inputs.data<float>()},
                              {Arg::SRC_H, src_h},
                              {Arg::SRC_C, src_c},
                              {Arg::W, weights_W.for_use(lstm, Arg::W)},
                              {Arg::U, weights_U.for_use(lstm, Arg::U)},
                              {Arg::BIAS, const_cast<float*>(own.b)},
                              {Arg::DST, outputs.data<float>()},
                              {Arg::DST_H, dst_h},
                              {Arg::DST_C, dst_c},
                              {Arg::SCRATCHPAD, scratch.data<float>()}};
    if (reserve) data[Arg::WORKSPACE] = room.workspace(reserve);
    lstm->run(data);

    scatter(plan, call, outputs, D, Y, D, false);
    previous = buffer(2 * room.state);
    std::copy_n(dst_h, 2 * room.state, previous.data<float>());
    begun = call.rows;
    if (reserve) reserve += room.size;
  }
  if (!begun) return;
  scatter_rows(plan, previous.data<float>(), 0, begun, H);
  scatter_rows(plan, previous.data<float>() + begun * D, 0, begun, C);
}

// Where the gradients of one direction go. oneDNN adds to dW, dU and db, which start at 0.
struct Gradients {
  float *dW, *dU, *db, *dH0, *dC0;
};

// One direction, backward; `reserve_end` is where its reserve ends, for the calls are gone through from the last.
void backward(const Schedule& plan, const Parameters& own, const Slice& X, const Slice& Y, const Slice& dY,
              const float* dH, const float* dC, float* reserve_end, const Slice& dX, bool add_to_dX,
              const Gradients& to) {
  const int64_t D = plan.D, M = plan.M, width = plan.width(), line = GATES * D;
  std::copy_n(dH, plan.B * D, to.dH0);  // an empty sequence hands its states on
  std::copy_n(dC, plan.B * D, to.dC0);
  const Tensor wide = widened(plan, own.W, own.U);
  Weights weights_W(wide.data<float>(), width, D), weights_U(own.U, D, D);
  Tensor wide_dW = zeros({width, line});
  Tensor later;  // the gradients [dH, dC] of the states after this call
  for (size_t i = plan.calls.size(); i-- > 0;) {
    const Call& call = plan.calls[i];
    const auto lstm = primitive(onednn::BACKWARD, call, width, D);
    const Reserve room(*lstm, call, D);
    float* src_h = reserve_end -= room.size;
    float *src_c = src_h + room.state, *dst_h = src_c + room.state, *dst_c = dst_h + room.state;
    const int64_t begun = i ? plan.calls[i - 1].rows : 0;

    Tensor dst_gradients = buffer(2 * room.state);
    float *d_dst_h = dst_gradients.data<float>(), *d_dst_c = d_dst_h + room.state;
    if (later.initialized()) {
      const int64_t state_after = plan.calls[i + 1].rows * D;
      std::copy_n(later.data<float>(), room.state, d_dst_h);
      std::copy_n(later.data<float>() + state_after, room.state, d_dst_c);
    } else {
      gather_rows(plan, dH, 0, call.rows, d_dst_h);
      gather_rows(plan, dC, 0, call.rows, d_dst_c);
    }
    Tensor src_gradients = buffer(2 * room.state);
    float *d_src_h = src_gradients.data<float>(), *d_src_c = d_src_h + room.state;
    Tensor inputs = gathered_inputs(plan, call, X, own.H0), d_inputs = buffer(inputs.numel());
    Tensor outputs = gathered(plan, call, Y), d_outputs = gathered(plan, call, dY);
    Tensor scratch = scratchpad(*lstm);
    lstm->run({{Arg::SRC, inputs.data<float>()},
              {Arg::SRC_H, src_h},
              {Arg::SRC_C, src_c},
              {Arg::W, weights_W.for_use(lstm, Arg::W)},
              {Arg::U, weights_U.for_use(lstm, Arg::U)},
              {Arg::BIAS, const_cast<float*>(own.b)},
              {Arg::DST, outputs.data<float>()},
              {Arg::DST_H, dst_h},
              {Arg::DST_C, dst_c},
              {Arg::DIFF + Arg::SRC, d_inputs.data<float>()},
              {Arg::DIFF + Arg::SRC_H, d_src_h},
              {Arg::DIFF + Arg::SRC_C, d_src_c},
              {Arg::DIFF + Arg::W, wide_dW.data<float>()},
              {Arg::DIFF + Arg::U, to.dU},
              {Arg::DIFF + Arg::BIAS, to.db},
              {Arg::DIFF + Arg::DST, d_outputs.data<float>()},
              {Arg::DIFF + Arg::DST_H, d_dst_h},
              {Arg::DIFF + Arg::DST_C, d_dst_c},
              {Arg::WORKSPACE, room.workspace(src_h)},
              {Arg::SCRATCHPAD, scratch.data<float>()}});

    scatter(plan, call, d_inputs, width, dX, M, add_to_dX);
    scatter_rows(plan, d_src_c, begun, call.rows, to.dC0);  // rows that begin in this call
    if (!plan.uneven)
      scatter_rows(plan, d_src_h, begun, call.rows, to.dH0);
    else if (plan.has_states)
      plan.each_first(call, [&](int64_t place, int64_t b) {
        std::copy_n(d_inputs.data<float>() + place * width + M + 1, D, to.dH0 + b * D);
      });
    later = src_gradients;
  }
  const float* found = wide_dW.data<float>();
  std::copy_n(found, M * line, to.dW);
  if (plan.uneven && plan.has_states)  // the first H met U as a further input
    std::transform(to.dU, to.dU + D * line, found + (M + 1) * line, to.dU, std::plus<float>());
}

}  // namespace

// With K directions, the second one in reverse: X [B, L, M], W [K, M, 4D], U [K, D, 4D], b [K, 4D], H0 and C0
// [K, B, D], lengths int64 [B] with values 0..L -> Y [B, L, K D], H and C [K, B, D], reserve [*].
// With a single direction the K may be left out of all shapes but b's.
std::vector<Tensor> Forward(const Tensor& X, const Tensor& W, const Tensor& U, const Tensor& b, const Tensor& H0,
                            const Tensor& C0, const Tensor& lengths, bool has_states, bool training) try {
  require_inputs(X, W, U, b, H0, C0, lengths);
  const int64_t K = b.shape()[0];
  Schedule plan(X, U, lengths, has_states);
  const int64_t B = plan.B, D = plan.D;
  const Threads threads(B, D);
  const int64_t each_reserve = training ? reserve_size(onednn::FORWARD_TRAINING, plan) : 0;
  const std::vector<int64_t> shape{B, plan.L, K * D};
  Tensor Y = plan.is_full() ? empty(shape) : zeros(shape);
  Tensor H = empty(H0.shape()), C = empty(C0.shape()), reserve = buffer(K * each_reserve + 1);
  for (int64_t k = 0; k < K; ++k) {
    plan.reverse = k == 1;
    forward(plan, Parameters(plan, k, W, U, b, H0, C0), slice(X, plan.M), slice(Y, K * D, k * D),
            H.data<float>() + k * B * D, C.data<float>() + k * B * D,
            training ? reserve.data<float>() + k * each_reserve : nullptr);
  }
  return {Y, H, C, reserve};
} catch (...) {
  throw_paddles();
}

std::vector<Tensor> Backward(const Tensor& X, const Tensor& W, const Tensor& U, const Tensor& b, const Tensor& H0,
                             const Tensor& C0, const Tensor& lengths, const Tensor& Y, const Tensor& reserve,
                             const Tensor& given_dY, const Tensor& given_dH, const Tensor& given_dC, bool has_states,
                             bool training) try {
  if (!training) refuse("the forward pass ran without training, so there is nothing to go back through");
  require_inputs(X, W, U, b, H0, C0, lengths);
  // a result that the loss does not depend on comes without a gradient
  const Tensor dY = given_dY.initialized() ? given_dY : zeros({X.shape()[0], X.shape()[1], b.numel() / GATES});
  const Tensor dH = given_dH.initialized() ? given_dH : zeros(H0.shape());
  const Tensor dC = given_dC.initialized() ? given_dC : zeros(C0.shape());
  Schedule plan(X, U, lengths, has_states);
  const int64_t B = plan.B, D = plan.D, M = plan.M, line = GATES * D;
  const Threads threads(B, D);
  const int64_t K = b.shape()[0], each_reserve = reserve_size(onednn::BACKWARD, plan);
  require("Y", Y, {B, plan.L, K * D});
  require("the gradient of Y", dY, Y.shape());
  require("the gradient of H", dH, H0.shape());
  require("the gradient of C", dC, C0.shape());
  require("the reserve", reserve, {K * each_reserve + 1});
  Tensor dX = plan.is_full() ? empty(X.shape()) : zeros(X.shape());
  Tensor dW = zeros(W.shape()), dU = zeros(U.shape()), db = zeros(b.shape());
  Tensor dH0 = empty(H0.shape()), dC0 = empty(C0.shape());
  for (int64_t k = 0; k < K; ++k) {
    plan.reverse = k == 1;
    backward(plan, Parameters(plan, k, W, U, b, H0, C0), slice(X, M), slice(Y, K * D, k * D), slice(dY, K * D, k * D),
             dH.data<float>() + k * B * D, dC.data<float>() + k * B * D,
             const_cast<float*>(reserve.data<float>()) + (k + 1) * each_reserve, slice(dX, M), k > 0,
             {dW.data<float>() + k * M * line, dU.data<float>() + k * D * line, db.data<float>() + k * line,
              dH0.data<float>() + k * B * D, dC0.data<float>() + k * B * D});
  }
  return {dX, dW, dU, db, dH0, dC0};
} catch (...) {
  throw_paddles();
}

// Second derivatives would be wrong without a word if Paddle found no operator for them.
std::vector<Tensor> NoSecondDerivatives(const Tensor&, const Tensor&) {
  PADDLE_THROW(common::errors::Unimplemented(
      "the oneDNN operator has first derivatives only; nndl.LSTM(..., backend='bptt') has all"));
}

std::vector<std::vector<int64_t>> Shapes(const std::vector<int64_t>& X, const std::vector<int64_t>& W,
                                         const std::vector<int64_t>& U, const std::vector<int64_t>& b,
                                         const std::vector<int64_t>& H0, const std::vector<int64_t>& C0,
                                         const std::vector<int64_t>& lengths) {
  if (X.size() != 3 || b.size() != 2) refuse("expected X of 3 axes and b of 2");
  return {{X[0], X[1], b[0] * b[1] / GATES}, H0, C0, {-1}};
}

std::vector<paddle::DataType> Types(paddle::DataType X, paddle::DataType, paddle::DataType, paddle::DataType,
                                    paddle::DataType, paddle::DataType, paddle::DataType) {
  return {X, X, X, X};
}

PD_BUILD_OP(nndl_lstm)
    .Inputs({"X", "W", "U", "b", "H0", "C0", "lengths"})
    .Outputs({"Y", "H", "C", "reserve"})
    .Attrs({"has_states: bool", "training: bool"})
    .SetKernelFn(PD_KERNEL(Forward))
    .SetInferShapeFn(PD_INFER_SHAPE(Shapes))
    .SetInferDtypeFn(PD_INFER_DTYPE(Types));

PD_BUILD_GRAD_OP(nndl_lstm)
    .Inputs({"X", "W", "U", "b", "H0", "C0", "lengths", "Y", "reserve", paddle::Grad("Y"), paddle::Grad("H"),
             paddle::Grad("C")})
    .Outputs({paddle::Grad("X"), paddle::Grad("W"), paddle::Grad("U"), paddle::Grad("b"), paddle::Grad("H0"),
              paddle::Grad("C0")})
    .Attrs({"has_states: bool", "training: bool"})
    .SetKernelFn(PD_KERNEL(Backward));

PD_BUILD_DOUBLE_GRAD_OP(nndl_lstm)
    .Inputs({"X", paddle::Grad(paddle::Grad("X"))})
    .Outputs({paddle::New(paddle::Grad("X"))})
    .SetKernelFn(PD_KERNEL(NoSecondDerivatives));
