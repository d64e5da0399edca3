#include "cube.hpp"

Dim threadIdx, blockIdx, blockDim, gridDim;
alignas(16) char shared_memory[48 << 10];
bool exact;

namespace {
const size_t STACK = 256 << 10;

// Units that have to meet: how many came, and how often all did.
struct Barrier {
    unsigned come = 0, met = 0;
};

struct Unit {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(STACK);
    bool ended;
    const Barrier* waits;
    unsigned since;
};

struct Plane {
    Barrier operands, result, given, taken;
    float values[32];
    unsigned a[32][4], b[32][2];
    float c[32][4], d[32][4];
};

std::vector<Unit> all_units;
std::vector<Plane> planes;
Barrier whole;
ucontext_t turns;
Unit* now;
unsigned running;
void (*body)();

void wait(Barrier& barrier, unsigned units) {
    const unsigned since = barrier.met;
    if (++barrier.come == units) {
        barrier.come = 0;
        barrier.met++;
        return;
    }
    now->waits = &barrier;
    now->since = since;
    swapcontext(&now->context, &turns);
}

void begin() {
    body();
    now->ended = true;
    swapcontext(&now->context, &turns);
}

float factor(unsigned bits) {
    // Matrix units do not read the last 13 bits.
    if (!exact) bits &= ~0x1fffu;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

// Of a word, the numbers that lie side by side along the depth: one of TF32, or two of bf16.
unsigned unpacked(unsigned word, bool pairs, float* numbers) {
    const unsigned halves[] = {word << 16, word & 0xffff0000u};
    if (pairs) memcpy(numbers, halves, sizeof halves);
    else numbers[0] = factor(word);
    return pairs ? 2 : 1;
}

void multiply(Plane& plane, bool pairs) {
    float a[16][16], b[16][8], numbers[2];
    const unsigned depth = pairs ? 16 : 8;
    for (unsigned lane = 0; lane < 32; lane++) {
        const unsigned group = lane / 4, member = lane % 4;
        for (unsigned i = 0; i < 4; i++) {
            const unsigned count = unpacked(plane.a[lane][i], pairs, numbers);
            for (unsigned j = 0; j < count; j++) a[group + i % 2 * 8][(member + i / 2 * 4) * count + j] = numbers[j];
        }
        for (unsigned i = 0; i < 2; i++) {
            const unsigned count = unpacked(plane.b[lane][i], pairs, numbers);
            for (unsigned j = 0; j < count; j++) b[(member + i * 4) * count + j][group] = numbers[j];
        }
    }
    for (unsigned lane = 0; lane < 32; lane++) {
        for (unsigned i = 0; i < 4; i++) {
            const unsigned row = lane / 4 + i / 2 * 8, col = lane % 4 * 2 + i % 2;
            float sum = plane.c[lane][i];
            for (unsigned k = 0; k < depth; k++) sum += a[row][k] * b[k][col];
            plane.d[lane][i] = sum;
        }
    }
}

// What the units of a cube run.
Kernel kernel_now;
void* const* buffers_now;
const unsigned* whole_now;
const float* floats_now;

void cube(unsigned units, bool backwards) {
    memset(shared_memory, 0xff, sizeof shared_memory);
    planes.assign((units + 31) / 32, Plane());
    whole = Barrier();
    for (unsigned i = 0; i < units; i++) {
        Unit& unit = all_units[i];
        unit.ended = false;
        unit.waits = nullptr;
        getcontext(&unit.context);
        unit.context.uc_stack = {unit.stack.data(), 0, STACK};
        unit.context.uc_link = nullptr;
        makecontext(&unit.context, begin, 0);
    }
    for (unsigned left = units; left > 0;) {
        bool moved = false;
        for (unsigned turn = 0; turn < units; turn++) {
            const unsigned i = backwards ? units - 1 - turn : turn;
            Unit& unit = all_units[i];
            if (unit.ended || (unit.waits && unit.waits->met == unit.since)) continue;
            unit.waits = nullptr;
            now = &unit;
            threadIdx = {i, 0, 0};
            swapcontext(&turns, &unit.context);
            left -= unit.ended;
            moved = true;
        }
        if (!moved) {
            fprintf(stderr, "a barrier that not all units reach\n");
            exit(1);
        }
    }
}
}

void __syncthreads() {
    const unsigned unit = threadIdx.x;
    wait(whole, running);
    threadIdx.x = unit;
}

void product(bool pairs, float* d, const unsigned* a, const unsigned* b, const float* c) {
    const unsigned unit = threadIdx.x, lane = unit % 32;
    Plane& plane = planes[unit / 32];
    memcpy(plane.a[lane], a, sizeof plane.a[lane]);
    memcpy(plane.b[lane], b, sizeof plane.b[lane]);
    memcpy(plane.c[lane], c, sizeof plane.c[lane]);
    if (plane.operands.come == 31) multiply(plane, pairs);
    wait(plane.operands, 32);
    threadIdx.x = unit;
    memcpy(d, plane.d[lane], sizeof plane.d[lane]);
    wait(plane.result, 32);
    threadIdx.x = unit;
}

float __shfl_xor_sync(unsigned, float value, unsigned mask) {
    const unsigned unit = threadIdx.x, lane = unit % 32;
    Plane& plane = planes[unit / 32];
    plane.values[lane] = value;
    wait(plane.given, 32);
    threadIdx.x = unit;
    const float found = plane.values[lane ^ mask];
    wait(plane.taken, 32);
    threadIdx.x = unit;
    return found;
}

void run(Kernel kernel, Dim cubes, unsigned units, void* const* buffers, const unsigned* whole, const float* floats, bool backwards) {
    if (all_units.size() < units) all_units.resize(units);
    kernel_now = kernel, buffers_now = buffers, whole_now = whole, floats_now = floats;
    body = [] { kernel_now(buffers_now, whole_now, floats_now); };
    blockDim = {units, 1, 1};
    gridDim = cubes;
    running = units;
    const unsigned count = cubes.x * cubes.y * cubes.z;
    for (unsigned turn = 0; turn < count; turn++) {
        const unsigned i = backwards ? count - 1 - turn : turn;
        blockIdx = {i % cubes.x, i / cubes.x % cubes.y, i / cubes.x / cubes.y};
        cube(units, backwards);
    }
}
