// A Paddle operator that computes a whole layer of SRN, LSTM or GRU cells, and its gradients: the door to layer.h;
// nndl/op/backend/native.py calls it.
//
// No failure may leave as an exception that Paddle does not know: it ends the process. So the operator looks at all it
// is given before it reads any of it, and what fails nevertheless leaves as one of Paddle's; see throw_paddles().
#include "layer.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "paddle/common/enforce.h"
#include "paddle/phi/api/ext/op_meta_info.h"
#include "paddle/phi/api/include/api.h"

using paddle::Tensor;
using Shape = std::vector<int64_t>;

namespace {

constexpr auto TYPE = sizeof(Real) == 4 ? paddle::DataType::FLOAT32 : paddle::DataType::FLOAT64;
constexpr uintptr_t PAGE = 4096;
constexpr size_t WORTH_LARGE_PAGES = 4 << 20;  // bytes
constexpr int64_t WORTH_ASKING = 1 << 18;      // numbers

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

// Where layer.cc asks for memory, it gets that of this tensor.
Memory memory_of(Tensor& tensor) {
  return [&tensor](int64_t numbers) {
    tensor = empty({numbers});
    return tensor.data<Real>();
  };
}

// Memory for one call. A little of it stays with the thread: to ask Paddle takes as long as a small product.
Memory scratch_in(Tensor& tensor) {
  return [&tensor](int64_t numbers) {
    thread_local std::vector<Real> kept;
    if (numbers > WORTH_ASKING) return memory_of(tensor)(numbers);
    if (int64_t(kept.size()) < numbers) kept.resize(numbers);
    return kept.data();
  };
}

// Null where there is no element, for such a tensor need not have memory.
Real* data(const Tensor& tensor) { return tensor.numel() ? const_cast<Real*>(tensor.data<Real>()) : nullptr; }

// ---- what the operator takes -------------------------------------------------------------------------------------

using Text = std::string;
using std::to_string;

[[noreturn]] void refuse(const Text& why) { throw std::invalid_argument(why); }

Text text(const Shape& shape) {
  Text all;
  for (int64_t n : shape) all += (all.empty() ? "" : ", ") + to_string(n);
  return "[" + all + "]";
}

void require_rank(const char* name, const Tensor& given, size_t rank) {
  if (!given.defined() || !given.is_dense_tensor() || given.shape().size() != rank)
    refuse(Text(name) + ": expected a dense tensor of " + to_string(rank) + " axes");
}

void require(const char* name, const Tensor& given, const Shape& shape, paddle::DataType type = TYPE) {
  require_rank(name, given, shape.size());
  if (given.shape() != shape) refuse(Text(name) + " of shape " + text(given.shape()) + ": expected " + text(shape));
  if (given.numel() == 0) return;  // there is nothing to read
  if (!given.has_allocation() || !given.is_cpu() || given.dtype() != type || !given.is_contiguous())
    refuse(Text(name) + ": expected " + phi::DataTypeToString(type) + " on the CPU, in one piece");
}

// Called where an exception was caught. Paddle knows its own; any other it meets with std::terminate.
[[noreturn]] void throw_paddles() {
  try {
    throw;
  } catch (const std::invalid_argument& error) {
    PADDLE_THROW(common::errors::InvalidArgument("nndl: %s", error.what()));
  } catch (const std::bad_alloc&) {
    PADDLE_THROW(common::errors::ResourceExhausted("nndl: not enough memory"));
  } catch (const std::runtime_error& error) {
    PADDLE_THROW(common::errors::External("nndl: %s", error.what()));
  } catch (const std::logic_error& error) {
    PADDLE_THROW(common::errors::External("nndl: %s", error.what()));
  }
}

const Kind& kind_named(const Text& name) {
  for (const Kind& kind : KINDS)
    if (kind.name == name) return kind;
  refuse("a cell " + name + ": expected SRN, LSTM or GRU");
}

// Without states a tensor without elements stands in their place.
bool are_states(const std::vector<Tensor>& given) { return !(given.size() == 1 && given[0].numel() == 0); }

// The states, or their gradients, which are the last ones of these tensors.
Pair states_in(const std::vector<Tensor>& tensors, const Kind& kind) {
  return {data(tensors[tensors.size() - kind.states()]), kind.has_C ? data(tensors.back()) : nullptr};
}

// All that a call is given, looked at.
Call looked_at(const Tensor& X, const std::vector<Tensor>& parameters, const std::vector<Tensor>& states,
               const Tensor& lengths, const Text& cell) {
  const Kind& kind = kind_named(cell);
  if (parameters.size() != 3 && parameters.size() != 6) refuse("expected W, U and b of 1 or 2 directions");
  require_rank("X", X, 3);
  require_rank("U", parameters[1], 2);
  const int64_t B = X.shape()[0], L = X.shape()[1], M = X.shape()[2], D = parameters[1].shape()[0];
  const int64_t K = parameters.size() / 3;
  if (M < 1 || D < 1) refuse("a cell from " + to_string(M) + " to " + to_string(D) + " numbers: expected at least one");
  require("X", X, {B, L, M});
  Call call{kind, B, L, M, D, K, data(X)};
  for (int64_t k = 0; k < K; ++k) {
    const Tensor *const of = &parameters[3 * k], &W = of[0], &U = of[1], &b = of[2];
    require("W", W, {M, kind.gates * D});
    require("U", U, {D, kind.gates * D});
    require("b", b, {1, kind.slots * D});
    call.parameters[k] = {data(W), data(U), data(b)};
  }
  if (are_states(states)) {
    if (states.size() != size_t(kind.states()))
      refuse(to_string(states.size()) + " states: expected " + to_string(kind.states()));
    for (const Tensor& state : states) require("a state", state, {K, B, D});
    call.states = states_in(states, kind);
  }
  if (lengths.numel()) {
    require("lengths", lengths, {B}, paddle::DataType::INT64);
    call.lengths = lengths.data<int64_t>();
    for (int64_t b = 0; b < B; ++b)
      if (call.lengths[b] < 0 || call.lengths[b] > L)
        refuse("a length of " + to_string(call.lengths[b]) + ": expected 0 to " + to_string(L));
  }
  return call;
}

// A result that the loss does not depend on comes without a gradient.
Real* gradient(const char* name, const Tensor& given, const Shape& shape) {
  if (!given.initialized() || given.numel() == 0) return nullptr;
  require(name, given, shape);
  return data(given);
}

}  // namespace

// X [B, L, M]; parameters W [M, G D], U [D, G D], b [1, biases D] of one direction, or of two, the second one in
// reverse; states H [K, B, D], for an LSTM H, C, or one tensor without elements; lengths int64 [B], or without elements
// -> Y [B, L, K D], H and, of an LSTM, C [K, B, D], reserve [*].
std::vector<Tensor> Forward(const Tensor& X, const std::vector<Tensor>& parameters, const std::vector<Tensor>& states,
                            const Tensor& lengths, const Text& cell, bool training) try {
  const Call call = looked_at(X, parameters, states, lengths, cell);
  const Shape shape{call.K, call.B, call.D};
  const bool has_C = call.kind.has_C;
  Tensor Y = empty({call.B, call.L, call.K * call.D}), H = empty(shape), C = empty(has_C ? shape : Shape{0});
  Tensor reserve = training ? Tensor() : empty({0}), scratch;
  forward(call, data(Y), {data(H), has_C ? data(C) : nullptr}, training ? memory_of(reserve) : nullptr,
          scratch_in(scratch));
  return {Y, H, C, reserve};
} catch (...) {
  throw_paddles();
}

std::vector<Tensor> Backward(const Tensor& X, const std::vector<Tensor>& parameters, const std::vector<Tensor>& states,
                             const Tensor& lengths, const Tensor& reserve, const Tensor& dY, const Tensor& dH,
                             const Tensor& dC, const Text& cell, bool) try {
  const Call call = looked_at(X, parameters, states, lengths, cell);
  const Shape shape{call.K, call.B, call.D};
  require_rank("the reserve", reserve, 1);
  require("the reserve", reserve, reserve.shape());
  const Real* const dY_data = gradient("the gradient of Y", dY, {call.B, call.L, call.K * call.D});
  const Pair last{gradient("the gradient of H", dH, shape),
                  call.kind.has_C ? gradient("the gradient of C", dC, shape) : nullptr};

  std::vector<Tensor> found{empty(X.shape())};
  for (const Tensor& parameter : parameters) found.push_back(empty(parameter.shape()));
  for (const Tensor& state : states) found.push_back(are_states(states) ? empty(state.shape()) : state);
  Parameters d_parameters[2];
  for (int64_t k = 0; k < call.K; ++k)
    d_parameters[k] = {data(found[1 + 3 * k]), data(found[2 + 3 * k]), data(found[3 + 3 * k])};
  const Pair first = are_states(states) ? states_in(found, call.kind) : Pair{};
  Tensor scratch;
  backward(call, data(reserve), reserve.numel(), dY_data, last, data(found[0]), d_parameters,
           first, scratch_in(scratch));
  return found;
} catch (...) {
  throw_paddles();
}

// Second derivatives would be wrong without a word if Paddle found no operator for them.
std::vector<Tensor> NoSecondDerivatives(const Tensor&, const Tensor&) {
  PADDLE_THROW(common::errors::Unimplemented(
      "the native operator has first derivatives only; of an LSTM, nndl.LSTM(..., backend='bptt') has all"));
}

std::vector<Shape> Shapes(const Shape& X, const std::vector<Shape>& parameters, const std::vector<Shape>&,
                          const Shape&, const Text& cell, const bool&) try {
  if (X.size() != 3 || parameters.size() < 3 || parameters[1].size() != 2) refuse("expected X of 3 axes, U of 2");
  const int64_t K = int64_t(parameters.size()) / 3, D = parameters[1][0];
  const Shape state{K, X[0], D};
  return {{X[0], X[1], K * D}, state, cell == "LSTM" ? state : Shape{0}, {-1}};
} catch (...) {
  throw_paddles();
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
