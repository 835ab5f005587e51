// The few functions of oneDNN that the LSTM needs: its C interface, declared here, and owners for its objects.
//
// Paddle ships the library without its headers. The C interface is stable within a major version, and the library's
// name, libdnnl.so.3, tells it; what may change all the same, such as the numbers of layouts, is not used.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

extern "C" {
struct dnnl_engine;
struct dnnl_stream;
struct dnnl_memory;
struct dnnl_memory_desc;
struct dnnl_primitive;
struct dnnl_primitive_desc;
struct dnnl_primitive_attr;
struct dnnl_exec_arg {
  int arg;
  dnnl_memory* memory;
};

int dnnl_engine_create(dnnl_engine**, int kind, size_t index);
int dnnl_engine_destroy(dnnl_engine*);
int dnnl_stream_create(dnnl_stream**, dnnl_engine*, unsigned flags);
int dnnl_stream_wait(dnnl_stream*);
int dnnl_stream_destroy(dnnl_stream*);
int dnnl_memory_desc_create_with_strides(dnnl_memory_desc**, int rank, const int64_t* shape, int dtype,
                                         const int64_t* strides);
int dnnl_memory_desc_create_with_tag(dnnl_memory_desc**, int rank, const int64_t* shape, int dtype, int tag);
int dnnl_memory_desc_equal(const dnnl_memory_desc*, const dnnl_memory_desc*);
size_t dnnl_memory_desc_get_size(const dnnl_memory_desc*);
int dnnl_memory_desc_destroy(dnnl_memory_desc*);
int dnnl_memory_create(dnnl_memory**, const dnnl_memory_desc*, dnnl_engine*, void* data);
int dnnl_memory_destroy(dnnl_memory*);
int dnnl_primitive_attr_create(dnnl_primitive_attr**);
int dnnl_primitive_attr_set_scratchpad_mode(dnnl_primitive_attr*, int mode);
int dnnl_primitive_attr_destroy(dnnl_primitive_attr*);
int dnnl_lstm_forward_primitive_desc_create(
    dnnl_primitive_desc**, dnnl_engine*, int prop_kind, int direction, const dnnl_memory_desc* src_layer,
    const dnnl_memory_desc* src_iter, const dnnl_memory_desc* src_iter_c, const dnnl_memory_desc* weights_layer,
    const dnnl_memory_desc* weights_iter, const dnnl_memory_desc* weights_peephole,
    const dnnl_memory_desc* weights_projection, const dnnl_memory_desc* bias, const dnnl_memory_desc* dst_layer,
    const dnnl_memory_desc* dst_iter, const dnnl_memory_desc* dst_iter_c, unsigned flags, const dnnl_primitive_attr*);
int dnnl_lstm_backward_primitive_desc_create(
    dnnl_primitive_desc**, dnnl_engine*, int prop_kind, int direction, const dnnl_memory_desc* src_layer,
    const dnnl_memory_desc* src_iter, const dnnl_memory_desc* src_iter_c, const dnnl_memory_desc* weights_layer,
    const dnnl_memory_desc* weights_iter, const dnnl_memory_desc* weights_peephole,
    const dnnl_memory_desc* weights_projection, const dnnl_memory_desc* bias, const dnnl_memory_desc* dst_layer,
    const dnnl_memory_desc* dst_iter, const dnnl_memory_desc* dst_iter_c, const dnnl_memory_desc* diff_src_layer,
    const dnnl_memory_desc* diff_src_iter, const dnnl_memory_desc* diff_src_iter_c,
    const dnnl_memory_desc* diff_weights_layer, const dnnl_memory_desc* diff_weights_iter,
    const dnnl_memory_desc* diff_weights_peephole, const dnnl_memory_desc* diff_weights_projection,
    const dnnl_memory_desc* diff_bias, const dnnl_memory_desc* diff_dst_layer, const dnnl_memory_desc* diff_dst_iter,
    const dnnl_memory_desc* diff_dst_iter_c, unsigned flags, const dnnl_primitive_desc* forward,
    const dnnl_primitive_attr*);
int dnnl_reorder_primitive_desc_create(dnnl_primitive_desc**, const dnnl_memory_desc* from, dnnl_engine*,
                                       const dnnl_memory_desc* to, dnnl_engine*, const dnnl_primitive_attr*);
const dnnl_memory_desc* dnnl_primitive_desc_query_md(const dnnl_primitive_desc*, int what, int index);
int dnnl_primitive_desc_destroy(dnnl_primitive_desc*);
int dnnl_primitive_create(dnnl_primitive**, const dnnl_primitive_desc*);
int dnnl_primitive_execute(const dnnl_primitive*, dnnl_stream*, int count, const dnnl_exec_arg*);
int dnnl_primitive_destroy(dnnl_primitive*);
}

namespace onednn {

constexpr int CPU = 1, IN_ORDER = 1, FLOAT32 = 3, ANY_LAYOUT = 1, USER_SCRATCHPAD = 1, LEFT_TO_RIGHT = 1;
enum Kind { FORWARD_TRAINING = 64, FORWARD_INFERENCE = 96, BACKWARD = 128 };
enum Query { EXEC_ARG = 255 };
enum Arg {
  SRC = 1, SRC_H = 2, SRC_C = 3, DST = 17, DST_H = 18, DST_C = 19, W = 33, U = 34, BIAS = 41, WORKSPACE = 64,
  SCRATCHPAD = 80, DIFF = 128  // DIFF + SRC is the gradient of SRC, and so on
};

inline void check(int status, const char* what) {
  if (status == 0) return;
  throw std::runtime_error(std::string("oneDNN: ") + what + " failed with status " + std::to_string(status));
}

struct Destroy {
  void operator()(dnnl_engine* p) const { dnnl_engine_destroy(p); }
  void operator()(dnnl_stream* p) const { dnnl_stream_destroy(p); }
  void operator()(dnnl_primitive_attr* p) const { dnnl_primitive_attr_destroy(p); }
  void operator()(dnnl_memory_desc* p) const { dnnl_memory_desc_destroy(p); }
  void operator()(dnnl_memory* p) const { dnnl_memory_destroy(p); }
  void operator()(dnnl_primitive* p) const { dnnl_primitive_destroy(p); }
  void operator()(dnnl_primitive_desc* p) const { dnnl_primitive_desc_destroy(p); }
};
template <typename T>
using Owner = std::unique_ptr<T, Destroy>;

// oneDNN's functions return a status and write what they make through their first argument.
template <typename T, typename... Args>
Owner<T> make(const char* what, int (*create)(T**, Args...), std::common_type_t<Args>... args) {
  T* made = nullptr;
  check(create(&made, args...), what);
  return Owner<T>(made);
}

// The engine, the stream and the attributes of the thread that computes: threads share nothing.
struct Context {
  Owner<dnnl_engine> engine = make("an engine", dnnl_engine_create, CPU, 0);
  Owner<dnnl_stream> stream = make("a stream", dnnl_stream_create, engine.get(), IN_ORDER);
  Owner<dnnl_primitive_attr> attributes = make("attributes", dnnl_primitive_attr_create);

  Context() { check(dnnl_primitive_attr_set_scratchpad_mode(attributes.get(), USER_SCRATCHPAD), "the scratchpad"); }
};

inline const Context& context() {
  thread_local Context one;
  return one;
}

using Shape = std::vector<int64_t>;

inline Owner<dnnl_memory_desc> layout(const Shape& shape) {  // rows after rows
  Shape strides(shape.size(), 1);
  for (size_t i = shape.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * shape[i];
  return make("a layout", dnnl_memory_desc_create_with_strides, int(shape.size()), shape.data(), FLOAT32,
              strides.data());
}

inline Owner<dnnl_memory_desc> any_layout(const Shape& shape) {  // as the primitive likes it best
  return make("a layout", dnnl_memory_desc_create_with_tag, int(shape.size()), shape.data(), FLOAT32, ANY_LAYOUT);
}

class Primitive {
 public:
  explicit Primitive(Owner<dnnl_primitive_desc> desc)
      : desc_(std::move(desc)), primitive_(make("a primitive", dnnl_primitive_create, desc_.get())) {}

  const dnnl_memory_desc* layout_of(int arg) const { return dnnl_primitive_desc_query_md(desc_.get(), EXEC_ARG, arg); }
  size_t bytes_of(int arg) const { return dnnl_memory_desc_get_size(layout_of(arg)); }

  void run(const std::map<int, void*>& data) const {
    const Context& own = context();
    std::vector<Owner<dnnl_memory>> memories;
    std::vector<dnnl_exec_arg> args;
    for (const auto& [arg, pointer] : data) {
      memories.push_back(make("a tensor", dnnl_memory_create, layout_of(arg), own.engine.get(), pointer));
      args.push_back({arg, memories.back().get()});
    }
    check(dnnl_primitive_execute(primitive_.get(), own.stream.get(), int(args.size()), args.data()), "computing");
    check(dnnl_stream_wait(own.stream.get()), "computing");
  }

 private:
  Owner<dnnl_primitive_desc> desc_;
  Owner<dnnl_primitive> primitive_;
};

// Copy a tensor from one layout to another.
inline void reorder(const dnnl_memory_desc* from, const void* source, const dnnl_memory_desc* to, void* target) {
  const Context& own = context();
  const Primitive copy(make("a copy", dnnl_reorder_primitive_desc_create, from, own.engine.get(), to, own.engine.get(),
                            own.attributes.get()));
  std::vector<char> scratchpad(copy.bytes_of(SCRATCHPAD));
  copy.run({{SRC, const_cast<void*>(source)}, {DST, target}, {SCRATCHPAD, scratchpad.data()}});
}

}  // namespace onednn
