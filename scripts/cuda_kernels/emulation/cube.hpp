// What CUDA C++ asks of a GPU, on a CPU: the units of a cube are fibers that take turns, and change at barriers alone; cubes come one after
// the other. Which unit comes first at each turn is a choice: results that depend on it are races.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#include <vector>

#define __global__
#define __device__
#define __restrict__
#define __launch_bounds__(units)
#define __grid_constant__
#define __align__(bytes)

struct Dim { unsigned x, y, z; };
extern Dim threadIdx, blockIdx, blockDim, gridDim;
const unsigned warpSize = 32;
alignas(16) extern char shared_memory[48 << 10];

using std::max;
using std::min;

void __syncthreads();
inline void __threadfence() {}
// Units of a plane give each other nothing by it: it only parts what comes before from what comes after.
inline void __syncwarp() {}

// Factors of products on matrix units, with all their bits or the ten that TF32 keeps.
extern bool exact;
namespace nvcuda::wmma {
inline float __float_to_tf32(float value) {
    if (exact) return value;
    unsigned bits;
    memcpy(&bits, &value, 4);
    bits = (bits + 0x1000) & ~0x1fffu;  // to the nearest, ties away from 0
    memcpy(&value, &bits, 4);
    return value;
}
}

// A bf16 number: the nearest to a value, to even where two are as near.
struct __nv_bfloat16 {
    unsigned short bits;
    __nv_bfloat16() = default;
    explicit __nv_bfloat16(float value) {
        unsigned word;
        memcpy(&word, &value, 4);
        bits = value != value ? 0x7fff : (word + 0x7fff + (word >> 16 & 1)) >> 16;
    }
};

// mma.sync by PTX's fragments, of 32 units together: m16n8k8 of TF32, or m16n8k16 of bf16 by twos.
void product(bool pairs, float* d, const unsigned* a, const unsigned* b, const float* c);

// What another unit of a plane has: all 32 take part.
inline unsigned __activemask() { return ~0u; }
float __shfl_xor_sync(unsigned units, float value, unsigned mask);

// The kernel, for the unit that runs.
using Kernel = void (*)(void* const* buffers, const unsigned* whole, const float* floats);
void run(Kernel kernel, Dim cubes, unsigned units, void* const* buffers, const unsigned* whole, const float* floats, bool backwards);
