// A whole layer: its directions one after the other, each one's sequences shared out to the threads.
#include "layer.h"

#include <pthread.h>

#include <stdexcept>

#include "direction.h"

#if defined(_OPENMP)
extern "C" int omp_get_max_threads();  // of the OpenMP that Paddle uses
#else
inline int omp_get_max_threads() { return 1; }
#endif

namespace {

constexpr int64_t WORTH_A_THREAD = 32'000 * BYTES;  // multiplications; to wake one up costs as much time
constexpr int64_t MOST_THREADS = 4096;
constexpr int64_t HEADER = 16;  // numbers before the reserve: the first says for how many threads it is

// A forked process, such as a worker of a DataLoader, has none of the threads that OpenMP counts on, and computes alone.
bool is_forked = false;
const int AT_FORK = pthread_atfork(nullptr, nullptr, [] { is_forked = true; });

int64_t length(const Call& call, int64_t b) { return call.lengths ? call.lengths[b] : call.L; }

// The sequences that have an element, the longest first.
std::vector<int64_t> sorted(const Call& call) {
  std::vector<int64_t> all;
  for (int64_t b = 0; b < call.B; ++b)
    if (length(call, b) > 0) all.push_back(b);
  if (call.lengths)
    std::stable_sort(all.begin(), all.end(), [&](int64_t a, int64_t b) { return length(call, a) > length(call, b); });
  return all;
}

int64_t elements(const Call& call) {
  int64_t sum = 0;
  for (int64_t b = 0; b < call.B; ++b) sum += length(call, b);
  return sum;
}

int64_t threads_for(const Call& call, int64_t sequences) {
  if (is_forked) return 1;
  const int64_t worth = elements(call) * (call.M + call.D) * call.kind.gates * call.D / WORTH_A_THREAD;
  return std::max<int64_t>(1, std::min({worth, sequences, int64_t(omp_get_max_threads()), MOST_THREADS}));
}

std::vector<Rows> shared_out(const Call& call, const std::vector<int64_t>& sequences, int64_t threads) {
  std::vector<Rows> parts;
  if (sequences.empty()) return parts;
  for (int64_t i = 0; i < threads; ++i) parts.emplace_back(sequences, call.lengths, call.L, i, threads);
  return parts;
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

void copy_or_zero(const Real* from, int64_t count, Real* to) {
  from ? std::copy_n(from, count, to) : std::fill_n(to, count, Real(0));
}

// A sequence without elements keeps its states, and hands their gradients on.
void copy_or_zero(const Pair& from, int64_t count, const Pair& to) {
  if (to.H) copy_or_zero(from.H, count, to.H);
  if (to.C) copy_or_zero(from.C, count, to.C);
}

// A direction's share of X, Y or one of their gradients, [B, L, width].
Batch batch(const Call& call, const Real* data, int64_t width, int64_t offset = 0) {
  return {const_cast<Real*>(data), call.L, width, offset};
}

// The forward pass said for how many threads it shared the work out, and what it kept is laid out for as many.
int64_t threads_in_forward(const Real* reserve, int64_t size, int64_t sequences) {
  if (size < HEADER)
    throw std::invalid_argument("the forward pass ran without training, so there is nothing to go back through");
  const Real threads = reserve[0];
  if (!(threads >= 0 && threads <= MOST_THREADS && threads <= sequences) || (threads == 0 && sequences > 0))
    throw std::invalid_argument("the reserve is of another problem");
  return int64_t(threads);
}

}  // namespace

const Kind KINDS[] = {kind_of<SRN>("SRN"), kind_of<LSTM>("LSTM"), kind_of<GRU>("GRU")};

void forward(const Call& call, Real* Y, const Pair& last, const Memory& reserve, const Memory& scratch) {
  const int64_t B = call.B, L = call.L, K = call.K, D = call.D, size = B * D;
  const Direction direction{call.kind, call.M, D};
  const std::vector<int64_t> sequences = sorted(call);
  const std::vector<Rows> parts = shared_out(call, sequences, threads_for(call, sequences.size()));
  const bool training = bool(reserve);
  const auto kept = places(parts, 0, [&](const Rows& rows) { return direction.reserve_size(rows); });
  const auto used = places(parts, direction.weights_size(),
                           [&](const Rows& rows) { return direction.forward_size(rows, training); });
  Real* const keeping = training ? reserve(HEADER + K * kept.back()) : nullptr;
  Real* const working = scratch(used.back());

  if (training) keeping[0] = Real(parts.size());
  if (elements(call) < B * L) std::fill_n(Y, B * L * K * D, Real(0));
  if (int64_t(sequences.size()) < B) copy_or_zero(call.states, K * size, last);
  for (int64_t k = 0; k < K; ++k) {
    Arena arena{working};
    const auto by = direction.weights(call.parameters[k], arena);
    in_threads(parts, [&](int64_t i) {
      direction.forward(parts[i], k == 1, by, batch(call, call.X, call.M), call.states.from(k * size),
                        batch(call, Y, K * D, k * D), last.from(k * size),
                        training ? keeping + HEADER + k * kept.back() + kept[i] : nullptr, working + used[i]);
    });
  }
}

void backward(const Call& call, const Real* reserve, int64_t reserve_size, const Real* dY, const Pair& d_last, Real* dX,
              const Parameters* d_parameters, const Pair& d_states, const Memory& scratch) {
  const int64_t B = call.B, L = call.L, K = call.K, D = call.D, size = B * D;
  const Direction direction{call.kind, call.M, D};
  const std::vector<int64_t> sequences = sorted(call);
  const std::vector<Rows> parts =
      shared_out(call, sequences, threads_in_forward(reserve, reserve_size, sequences.size()));
  const int64_t P = int64_t(parts.size()), weights = direction.weights_back_size(), sums = direction.sums_size();
  const auto kept = places(parts, 0, [&](const Rows& rows) { return direction.reserve_size(rows); });
  const auto used = places(parts, weights + sums * std::max<int64_t>(1, P),
                           [&](const Rows& rows) { return direction.backward_size(rows); });
  if (reserve_size != HEADER + K * kept.back()) throw std::invalid_argument("the reserve is of another problem");
  Real* const working = scratch(used.back());

  if (elements(call) < B * L) std::fill_n(dX, B * L * call.M, Real(0));
  if (int64_t(sequences.size()) < B) copy_or_zero(d_last, K * size, d_states);
  for (int64_t k = 0; k < K; ++k) {
    Arena arena{working};
    const auto by = direction.weights_back(call.parameters[k], arena);
    Real* const sum = arena.next;
    in_threads(parts, [&](int64_t i) {
      direction.backward(parts[i], k == 1, by, batch(call, call.X, call.M), batch(call, dY, K * D, k * D),
                         d_last.from(k * size), reserve + HEADER + k * kept.back() + kept[i + 1],
                         batch(call, dX, call.M), k == 1, d_states.from(k * size), direction.sums(sum + i * sums),
                         working + used[i]);
    });
    direction.unpack_sums(sum, P, d_parameters[k]);
  }
}
