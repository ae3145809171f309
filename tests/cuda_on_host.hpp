// Enough of CUDA to run a kernel on the processor: a block at a time, its threads as coroutines that change hands at
// barriers and shuffles. Put before the unchanged source. `reverse` turns the order of the threads round: a kernel whose
// result then differs has a race.
#pragma once
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __shared__ static
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
using std::fma;
using std::fmax;
using std::max;
using std::min;
using std::sqrt;

struct Index { int x = 0, y = 0; };

namespace host {
struct Barrier { int size = 0, arrived = 0, passed = 0; };
struct Thread {
    ucontext_t context;
    jmp_buf place;
    std::vector<char> stack = std::vector<char>(1 << 16);
    bool begun = false, done = false;
};

inline std::vector<Thread> threads;
inline Barrier block;
inline std::vector<Barrier> warps;
inline std::vector<double> exchanged;
inline jmp_buf scheduler;
inline int current, progress;
inline bool reverse;

// Jumps, since swapcontext() asks the operating system for the signal mask each time.
inline void leave() {
    if (!_setjmp(threads[current].place)) _longjmp(scheduler, 1);
}

inline void enter(Thread &thread) {
    if (_setjmp(scheduler)) return;
    if (thread.begun) _longjmp(thread.place, 1);
    thread.begun = true;
    setcontext(&thread.context);
}

inline void wait(Barrier &barrier) {
    ++progress;
    const int turn = barrier.passed;
    if (++barrier.arrived == barrier.size) {
        barrier.arrived = 0;
        ++barrier.passed;
    }
    while (barrier.passed == turn) leave();
}
}  // namespace host

static Index threadIdx, blockIdx, blockDim;

inline void __syncthreads() { host::wait(host::block); }

template <typename Number>
Number __shfl_xor_sync(unsigned, Number value, int mask) {
    host::exchanged[host::current] = value;  // a double holds every float
    host::wait(host::warps[host::current / 32]);
    const Number other = host::exchanged[host::current ^ mask];
    host::wait(host::warps[host::current / 32]);
    return other;
}

namespace host {
template <typename... Arguments>
struct Launch {
    static inline void (*kernel)(Arguments...);
    static inline void **arguments;

    template <std::size_t... I>
    static void call(std::index_sequence<I...>) { kernel(*static_cast<Arguments *>(arguments[I])...); }

    static void body() {
        call(std::index_sequence_for<Arguments...>{});
        threads[current].done = true;
        ++progress;
        leave();
    }

    static void run_block(int size) {
        threads.resize(size);
        exchanged.assign(size, 0);
        block = {size};
        warps.assign((size + 31) / 32, {32});
        for (auto &thread : threads) {
            thread.begun = thread.done = false;
            getcontext(&thread.context);
            thread.context.uc_stack.ss_sp = thread.stack.data();
            thread.context.uc_stack.ss_size = thread.stack.size();
            thread.context.uc_link = nullptr;
            makecontext(&thread.context, body, 0);
        }
        for (int left = size; left > 0;) {
            progress = 0;
            for (int k = 0; k < size; ++k) {
                current = reverse ? size - 1 - k : k;
                if (threads[current].done) continue;
                threadIdx.x = current;
                enter(threads[current]);
                left -= threads[current].done;
            }
            if (!progress) {
                std::fprintf(stderr, "the threads of a block wait for each other for ever\n");
                std::abort();
            }
        }
    }
};

template <typename... Arguments>
void launch(void (*kernel)(Arguments...), const int *grid, int threads, bool backwards, void **arguments) {
    using L = Launch<Arguments...>;
    L::kernel = kernel;
    L::arguments = arguments;
    reverse = backwards;
    blockDim.x = threads;
    for (blockIdx.y = 0; blockIdx.y < grid[1]; ++blockIdx.y)
        for (blockIdx.x = 0; blockIdx.x < grid[0]; ++blockIdx.x) L::run_block(threads);
}
}  // namespace host
