// A Paddle operator that computes a whole layer of SRN, LSTM or GRU cells, and its gradients: the door to layer.h;
// nndl/op/backend/native.py calls it.
//
// No failure may leave as an exception that Paddle does not know: it ends the process. So the operator looks at all it is
// given before it reads any of it, and what fails nevertheless leaves as an exception of Paddle's; see throw_paddles().
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <sstream>

#include "layer.h"
#include "paddle/common/enforce.h"
#include "paddle/phi/api/ext/op_meta_info.h"
#include "paddle/phi/api/include/api.h"

#if defined(_OPENMP)
extern "C" int omp_get_max_threads();  // of the OpenMP that Paddle uses
#else
inline int omp_get_max_threads() { return 1; }
#endif

using paddle::Tensor;
using Shape = std::vector<int64_t>;

namespace {

constexpr auto TYPE = sizeof(Real) == 4 ? paddle::DataType::FLOAT32 : paddle::DataType::FLOAT64;
constexpr int64_t WORTH_A_THREAD = 32'000 * BYTES;  // multiplications; to wake one up costs as much time
constexpr int64_t MOST_THREADS = 4096;
constexpr int64_t HEADER = 16;  // numbers before the reserve: the first says for how many threads it is
constexpr uintptr_t PAGE = 4096;
constexpr size_t WORTH_LARGE_PAGES = 4 << 20;  // bytes

// Memory that the kernel hands out in large pages: in small ones, a third of the time would go into page faults.
Tensor empty(const Shape& shape) {
  Tensor made = paddle::experimental::empty(shape, TYPE);
#if defined(MADV_HUGEPAGE)
  const size_t bytes = made.numel() * sizeof(Real);
  if (bytes >= WORTH_LARGE_PAGES) {
    const uintptr_t start = reinterpret_cast<uintptr_t>(made.data<Real>()), first = (start + PAGE - 1) / PAGE * PAGE;
    madvise(reinterpret_cast<void*>(first), start + bytes - first, MADV_HUGEPAGE);  // refused, small ones serve
  }
#endif
  return made;
}

void fill_zero(Tensor& tensor) { std::fill_n(tensor.data<Real>(), tensor.numel(), Real(0)); }

// ---- what the operator takes -------------------------------------------------------------------------------------

template <typename... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  PADDLE_THROW(common::errors::InvalidArgument("nndl: %s", text.str()));
}

std::string text(const Shape& shape) {
  std::string all;
  for (int64_t n : shape) all += (all.empty() ? "" : ", ") + std::to_string(n);
  return "[" + all + "]";
}

void require_rank(const char* name, const Tensor& given, size_t rank) {
  if (!given.defined() || !given.is_dense_tensor() || given.shape().size() != rank)
    refuse(name, ": expected a dense tensor of ", rank, " axes");
}

void require(const char* name, const Tensor& given, const Shape& shape, paddle::DataType type = TYPE) {
  require_rank(name, given, shape.size());
  if (given.shape() != shape) refuse(name, " of shape ", text(given.shape()), ": expected ", text(shape));
  if (given.numel() == 0) return;  // such a tensor need not have memory
  if (!given.has_allocation() || !given.is_cpu() || given.dtype() != type || !given.is_contiguous())
    refuse(name, ": expected ", type, " on the CPU, in one piece");
}

// Called where an exception was caught. Paddle knows its own; any other it meets with std::terminate.
[[noreturn]] void throw_paddles() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    PADDLE_THROW(common::errors::ResourceExhausted("nndl: not enough memory"));
  } catch (const std::runtime_error& error) {
    PADDLE_THROW(common::errors::External("nndl: %s", error.what()));
  } catch (const std::logic_error& error) {
    PADDLE_THROW(common::errors::External("nndl: %s", error.what()));
  }
}

// All that a call is given, looked at.
struct Problem {
  const Tensor &X, &lengths;
  const std::vector<Tensor>&parameters, &states;
  int64_t B, L, K;
  Layer layer;
  std::vector<int64_t> sorted;  // the sequences that have an element, the longest first

  Problem(const std::string& cell, const Tensor& X, const std::vector<Tensor>& parameters,
          const std::vector<Tensor>& states, const Tensor& lengths)
      : X(X), lengths(lengths), parameters(parameters), states(states), K(int64_t(parameters.size()) / 3),
        layer(layer_of(cell, X, parameters)) {
    B = X.shape()[0], L = X.shape()[1];
    const int64_t M = layer.M, D = layer.D;
    if (M < 1 || D < 1) refuse("a cell from ", M, " to ", D, " numbers: expected at least one");
    require("X", X, {B, L, M});
    for (int64_t k = 0; k < K; ++k) {
      require("W", parameters[3 * k], {M, layer.width()});
      require("U", parameters[3 * k + 1], {D, layer.width()});
      require("b", parameters[3 * k + 2], {1, layer.cell.slots * D});
    }
    if (has_states()) {
      if (states.size() != size_t(layer.states())) refuse(states.size(), " states: expected ", layer.states());
      for (const Tensor& state : states) require("a state", state, state_shape());
    }
    const int64_t* n = nullptr;
    if (lengths.numel()) {
      require("lengths", lengths, {B}, paddle::DataType::INT64);
      n = lengths.data<int64_t>();
    }
    for (int64_t b = 0; b < B; ++b) {
      if (n && (n[b] < 0 || n[b] > L)) refuse("a length of ", n[b], ": expected 0 to ", L);
      if ((n ? n[b] : L) > 0) sorted.push_back(b);
    }
    if (n) std::stable_sort(sorted.begin(), sorted.end(), [n](int64_t a, int64_t b) { return n[a] > n[b]; });
  }

  static Layer layer_of(const std::string& cell, const Tensor& X, const std::vector<Tensor>& parameters) {
    if (parameters.size() != 3 && parameters.size() != 6) refuse("expected W, U and b of 1 or 2 directions");
    require_rank("X", X, 3);
    require_rank("U", parameters[1], 2);
    for (const Kind& kind : KINDS)
      if (kind.name == cell) return {kind, X.shape()[2], parameters[1].shape()[0]};
    refuse("a cell ", cell, ": expected SRN, LSTM or GRU");
  }

  // Without states a tensor without elements stands in their place.
  bool has_states() const { return !(states.size() == 1 && states[0].numel() == 0); }

  const Real* parameter(int64_t k, int which) const { return parameters[3 * k + which].data<Real>(); }

  // The states, or their gradients, which are the last ones of these tensors.
  Pair states_in(const std::vector<Tensor>& tensors) const {
    if (!has_states()) return {};
    const auto data = [](const Tensor& state) { return const_cast<Real*>(state.data<Real>()); };
    return {data(tensors[tensors.size() - layer.states()]), layer.cell.has_C ? data(tensors.back()) : nullptr};
  }

  int64_t elements() const {
    int64_t sum = 0;
    for (int64_t b : sorted) sum += lengths.numel() ? lengths.data<int64_t>()[b] : L;
    return sum;
  }

  int64_t threads() const {
    const int64_t worth = elements() * (layer.M + layer.D) * layer.width() / WORTH_A_THREAD;
    return std::max<int64_t>(1, std::min({worth, int64_t(sorted.size()), int64_t(omp_get_max_threads()), MOST_THREADS}));
  }

  std::vector<Rows> shared_out(int64_t threads) const {
    std::vector<Rows> all;
    if (sorted.empty()) return all;
    for (int64_t i = 0; i < threads; ++i)
      all.emplace_back(sorted, lengths.numel() ? lengths.data<int64_t>() : nullptr, L, i, threads);
    return all;
  }

  bool is_full() const { return elements() == B * L; }
  Shape state_shape() const { return {K, B, layer.D}; }
};

Batch batch(const Tensor& tensor, int64_t offset = 0) {
  return {const_cast<Real*>(tensor.data<Real>()), tensor.shape()[1], tensor.shape()[2], offset};
}

// f(part) for the sequences of each thread, in that thread.
template <typename F>
void in_threads(const std::vector<Rows>& parts, F f) {
#pragma omp parallel for schedule(static, 1) num_threads(std::max<int>(1, parts.size())) if (parts.size() > 1)
  for (int64_t i = 0; i < int64_t(parts.size()); ++i) {
    const FlushToZero flush;
    f(i);
  }
}

// Where each part's share of a buffer begins; the last number is where all end.
template <typename F>
std::vector<int64_t> places(const std::vector<Rows>& parts, int64_t start, F size) {
  std::vector<int64_t> all{start};
  for (const Rows& rows : parts) all.push_back(all.back() + size(rows));
  return all;
}

// A sequence without elements keeps its states, and hands their gradients on.
void copy_or_zero(const Real* from, int64_t count, Real* to) {
  from ? std::copy_n(from, count, to) : std::fill_n(to, count, Real(0));
}

void copy_or_zero(const Pair& from, int64_t count, const Pair& to) {
  if (to.H) copy_or_zero(from.H, count, to.H);
  if (to.C) copy_or_zero(from.C, count, to.C);
}

std::vector<Tensor> forward(const Problem& problem, bool training) {
  const Layer& layer = problem.layer;
  const int64_t B = problem.B, L = problem.L, K = problem.K, D = layer.D, size = B * D;
  const std::vector<Rows> parts = problem.shared_out(problem.threads());
  const auto kept = places(parts, 0, [&](const Rows& rows) { return layer.reserve_size(rows); });
  const auto used =
      places(parts, layer.weights_size(), [&](const Rows& rows) { return layer.forward_size(rows, training); });

  const Shape shape = problem.state_shape();
  Tensor Y = empty({B, L, K * D}), H = empty(shape), C = empty(layer.cell.has_C ? shape : Shape{0});
  Tensor reserve = empty({training ? HEADER + K * kept.back() : 0}), scratch = empty({used.back()});
  if (!problem.is_full()) fill_zero(Y);
  if (training) reserve.data<Real>()[0] = Real(parts.size());
  const Pair first = problem.states_in(problem.states), last{H.data<Real>(), layer.cell.has_C ? C.data<Real>() : nullptr};
  if (int64_t(problem.sorted.size()) < B) copy_or_zero(first, K * size, last);
  for (int64_t k = 0; k < K; ++k) {
    Arena arena{scratch.data<Real>()};
    const auto by = layer.weights(problem.parameter(k, 0), problem.parameter(k, 1), problem.parameter(k, 2), arena);
    in_threads(parts, [&](int64_t i) {
      Real* own = training ? reserve.data<Real>() + HEADER + k * kept.back() + kept[i] : nullptr;
      layer.forward(parts[i], k == 1, by, batch(problem.X), first.from(k * size), batch(Y, k * D),
                    last.from(k * size), own, scratch.data<Real>() + used[i]);
    });
  }
  return {Y, H, C, reserve};
}

// The forward pass said for how many threads it shared the work out, and what it kept is laid out for as many.
std::vector<Rows> as_in_forward(const Problem& problem, const Tensor& reserve) {
  require_rank("the reserve", reserve, 1);
  if (reserve.numel() < HEADER) refuse("the forward pass ran without training, so there is nothing to go back through");
  require("the reserve", reserve, reserve.shape());
  const Real threads = reserve.data<Real>()[0];
  if (!(threads >= 0 && threads <= MOST_THREADS && threads <= problem.B)) refuse("the reserve is of another problem");
  if (threads == 0 && !problem.sorted.empty()) refuse("the reserve is of another problem");
  return problem.shared_out(int64_t(threads));
}

// A result that the loss does not depend on comes without a gradient.
Real* gradient(const char* name, const Tensor& given, const Shape& shape) {
  if (!given.initialized() || given.numel() == 0) return nullptr;
  require(name, given, shape);
  return const_cast<Real*>(given.data<Real>());
}

std::vector<Tensor> backward(const Problem& problem, const Tensor& reserve, const Tensor& dY, const Tensor& dH,
                             const Tensor& dC) {
  const Layer& layer = problem.layer;
  const int64_t B = problem.B, L = problem.L, K = problem.K, D = layer.D, size = B * D;
  const std::vector<Rows> parts = as_in_forward(problem, reserve);
  const int64_t P = int64_t(parts.size()), weights = layer.weights_back_size(), sums = layer.sums_size();
  const auto kept = places(parts, HEADER, [&](const Rows& rows) { return layer.reserve_size(rows); });
  const auto used = places(parts, weights + sums * P, [&](const Rows& rows) { return layer.backward_size(rows); });
  require("the reserve", reserve, {HEADER + K * (kept.back() - HEADER)});
  const Real* dY_data = gradient("the gradient of Y", dY, {B, L, K * D});
  const Pair last{gradient("the gradient of H", dH, problem.state_shape()),
                  layer.cell.has_C ? gradient("the gradient of C", dC, problem.state_shape()) : nullptr};

  Tensor dX = empty(problem.X.shape()), scratch = empty({used.back()});
  if (!problem.is_full()) fill_zero(dX);
  std::vector<Tensor> found{dX};
  for (const Tensor& parameter : problem.parameters) found.push_back(empty(parameter.shape()));
  for (const Tensor& state : problem.states) found.push_back(empty(state.shape()));
  const Pair first = problem.states_in(found);
  if (int64_t(problem.sorted.size()) < B) copy_or_zero(last, K * size, first);
  for (int64_t k = 0; k < K; ++k) {
    Arena arena{scratch.data<Real>()};
    const auto by = layer.weights_back(problem.parameter(k, 0), problem.parameter(k, 1), arena);
    Real* const sum = arena.next;
    in_threads(parts, [&](int64_t i) {
      layer.backward(parts[i], k == 1, by, batch(problem.X), dY_data ? batch(dY, k * D) : Batch{},
                     last.from(k * size), reserve.data<Real>() + k * (kept.back() - HEADER) + kept[i + 1], batch(dX),
                     k == 1, first.from(k * size), layer.sums(sum + i * sums), scratch.data<Real>() + used[i]);
    });
    const auto total = layer.sums(sum);
    layer.unpack(total.dW, P, sums, layer.M, layer.slots_of_W(), found[1 + 3 * k].data<Real>());
    layer.unpack(total.dU, P, sums, D, layer.slots_of_U(), found[2 + 3 * k].data<Real>());
    layer.unpack_b(total.db, P, sums, found[3 + 3 * k].data<Real>());
  }
  return found;
}

}  // namespace

// X [B, L, M]; parameters W [M, G D], U [D, G D], b [1, biases D] of one direction, or of two, the second one in
// reverse; states H [K, B, D], for an LSTM H, C, or one tensor without elements; lengths int64 [B], or without elements
// -> Y [B, L, K D], H and, of an LSTM, C [K, B, D], reserve [*].
std::vector<Tensor> Forward(const Tensor& X, const std::vector<Tensor>& parameters, const std::vector<Tensor>& states,
                            const Tensor& lengths, const std::string& cell, bool training) try {
  return forward(Problem(cell, X, parameters, states, lengths), training);
} catch (...) {
  throw_paddles();
}

std::vector<Tensor> Backward(const Tensor& X, const std::vector<Tensor>& parameters, const std::vector<Tensor>& states,
                             const Tensor& lengths, const Tensor& reserve, const Tensor& dY, const Tensor& dH,
                             const Tensor& dC, const std::string& cell, bool) try {
  return backward(Problem(cell, X, parameters, states, lengths), reserve, dY, dH, dC);
} catch (...) {
  throw_paddles();
}

// Second derivatives would be wrong without a word if Paddle found no operator for them.
std::vector<Tensor> NoSecondDerivatives(const Tensor&, const Tensor&) {
  PADDLE_THROW(common::errors::Unimplemented(
      "the native operator has first derivatives only; an LSTM, nndl.LSTM(..., backend='bptt') has all"));
}

std::vector<Shape> Shapes(const Shape& X, const std::vector<Shape>& parameters, const std::vector<Shape>&,
                          const Shape&, const std::string& cell, const bool&) {
  if (X.size() != 3 || parameters.size() < 3 || parameters[1].size() != 2) refuse("expected X of 3 axes, U of 2");
  const int64_t K = int64_t(parameters.size()) / 3, D = parameters[1][0];
  const Shape state{K, X[0], D};
  return {{X[0], X[1], K * D}, state, cell == "LSTM" ? state : Shape{0}, {-1}};
}

std::vector<paddle::DataType> Types(paddle::DataType X, const std::vector<paddle::DataType>&,
                                    const std::vector<paddle::DataType>&, paddle::DataType) {
  return {X, X, X, X};
}

#define NAMED(macro, name) macro(name)


NAMED(PD_BUILD_OP, NNDL_OPERATOR)
    .Inputs({"X", paddle::Vec("parameters"), paddle::Vec("states"), "lengths"})
    .Outputs({"Y", "H", "C", "reserve"})
    .Attrs({"cell: std::string", "training: bool"})
    .SetKernelFn(PD_KERNEL(Forward))
    .SetInferShapeFn(PD_INFER_SHAPE(Shapes))
    .SetInferDtypeFn(PD_INFER_DTYPE(Types));

NAMED(PD_BUILD_GRAD_OP, NNDL_OPERATOR)
    .Inputs({"X", paddle::Vec("parameters"), paddle::Vec("states"), "lengths", "reserve", paddle::Grad("Y"),
             paddle::Grad("H"), paddle::Grad("C")})
    .Outputs({paddle::Grad("X"), paddle::Grad(paddle::Vec("parameters")), paddle::Grad(paddle::Vec("states"))})
    .Attrs({"cell: std::string", "training: bool"})
    .SetKernelFn(PD_KERNEL(Backward));

NAMED(PD_BUILD_DOUBLE_GRAD_OP, NNDL_OPERATOR)
    .Inputs({"X", paddle::Grad(paddle::Grad("X"))})
    .Outputs({paddle::New(paddle::Grad("X"))})
    .SetKernelFn(PD_KERNEL(NoSecondDerivatives));
