// One full-batch step over sparse examples: loss, gradient and AdamW, without the T x n pre-activations in memory.
//
//     p_j = (w_j, b_j),   g_t = (h_t, 1),   z_tj = p_j . g_t,   c_tj = x_tj [z_tj > 0]
//
//     A_j = sum_t max(z_tj, 0) g_t              V_t = sum_j max(z_tj, 0) w_j - sum_j c_tj w_j
//     T L = sum x^2 - 2 sum c z + sum_j A_j . p_j
//     T/2 dL/dw_j = A_j - sum_t c_tj h_t + sum_t x_tj V_t          T/2 dL/db_j = A_j - sum_t c_tj
//
// Compiled with REAL = float or double and M = 2, 3, ... latent dimensions. theta is (M+1, n): the rows of W, then b.
// Every sum is arranged by T and n alone: no atomics, so a step gives the same bits every time, on every card.

constexpr int THREADS = 128;                       // of a block
constexpr int WARPS = THREADS / 32;
constexpr int WIDTH = sizeof(REAL) == 4 ? 8 : 4;   // features a thread holds in registers
constexpr int TILE = THREADS * WIDTH;              // features of a block of `dense`
constexpr int GROUP = 16;                          // examples between two reductions over the lanes
constexpr int SLAB = 1024;                         // most examples of a block of `dense`
constexpr int COLUMNS = 32;                        // features of a block of `features`
constexpr int HEIGHT = 8;                          // its warps
constexpr unsigned ALL = 0xffffffffu;

// The one place where a pre-activation is formed: all kernels agree to the last bit on which are positive.
__device__ __forceinline__ REAL preactivation(const REAL (&p)[M + 1], const REAL (&h)[M]) {
    REAL z = p[M];
#pragma unroll
    for (int i = 0; i < M; ++i) z = fma(p[i], h[i], z);
    return z;
}

template <typename Number>
__device__ __forceinline__ Number warp_sum(Number value) {
#pragma unroll
    for (int offset = 16; offset >= 1; offset /= 2) value += __shfl_xor_sync(ALL, value, offset);
    return value;
}

// Sums 2 HALF values over the 32 lanes; lane l receives that of value l % (2 HALF). Halving what is left with every
// exchange costs as many shuffles as there are values, not five times as many. By recursion, since a loop over HALF
// is not unrolled, and the values would leave the registers.
template <int HALF, int COUNT>
__device__ __forceinline__ void scatter_sum(REAL (&v)[COUNT], int lane) {
    const bool upper = lane & HALF;
#pragma unroll
    for (int k = 0; k < HALF; ++k) {
        const REAL keep = upper ? v[k + HALF] : v[k];
        const REAL send = upper ? v[k] : v[k + HALF];
        v[k] = keep + __shfl_xor_sync(ALL, send, HALF);
    }
    if constexpr (HALF > 1)
        scatter_sum<HALF / 2>(v, lane);
    else
        v[0] += __shfl_xor_sync(ALL, v[0], COUNT);
}

__device__ __forceinline__ void block_sum(double value, double *out) {
    __shared__ double sums[32];
    value = warp_sum(value);
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
    __syncthreads();
    if (threadIdx.x == 0) {
        double total = 0;
        for (int w = 0; w < (int)blockDim.x / 32; ++w) total += sums[w];
        *out = total;
    }
}

// h_t = sum_j x_tj w_j, a thread an example. H is (T, M).
extern "C" __global__ void encode(int T, int n, const int *__restrict__ indptr, const int *__restrict__ indices,
                                  const REAL *__restrict__ values, const REAL *__restrict__ theta,
                                  REAL *__restrict__ H) {
    const int t = blockIdx.x * blockDim.x + threadIdx.x;
    if (t >= T) return;
    REAL h[M] = {};
    for (int k = indptr[t]; k < indptr[t + 1]; ++k)
#pragma unroll
        for (int i = 0; i < M; ++i) h[i] = fma(values[k], theta[i * n + indices[k]], h[i]);
#pragma unroll
    for (int i = 0; i < M; ++i) H[t * (long long)M + i] = h[i];
}

// GROUP examples against the WIDTH features of a thread. Not WHOLE: only the first `rows` of them are there.
template <bool WHOLE>
__device__ __forceinline__ void add_group(const REAL *h, int rows, const REAL (&p)[WIDTH][M + 1],
                                          REAL (&a)[WIDTH][M + 1], REAL (&v)[M][GROUP]) {
#pragma unroll
    for (int k = 0; k < GROUP; ++k) {
        REAL g[M];
#pragma unroll
        for (int i = 0; i < M; ++i) {
            g[i] = h[k * M + i];
            v[i][k] = 0;
        }
#pragma unroll
        for (int r = 0; r < WIDTH; ++r) {
            REAL z = fmax(preactivation(p[r], g), REAL(0));
            if (!WHOLE && k >= rows) z = 0;
#pragma unroll
            for (int i = 0; i < M; ++i) {
                a[r][i] = fma(z, g[i], a[r][i]);
                v[i][k] = fma(z, p[r][i], v[i][k]);
            }
            a[r][M] += z;
        }
    }
}

// The dense part. Block (tile, slab): TILE features, in registers, against `slab` examples, in shared memory.
// A_part is (slabs, M+1, n), V_part (tiles, M, T): the first of two stages of both sums.
extern "C" __global__ void __launch_bounds__(THREADS)
    dense(int T, int n, int slab, const REAL *__restrict__ theta, const REAL *__restrict__ H,
          REAL *__restrict__ A_part, REAL *__restrict__ V_part) {
    __shared__ __align__(16) REAL h[SLAB * M];
    __shared__ REAL sums[2][WARPS][M][GROUP];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int first = blockIdx.y * slab, rows = min(slab, T - first), padded = (rows + GROUP - 1) / GROUP * GROUP;
    const int feature = blockIdx.x * TILE + threadIdx.x;

    for (int k = threadIdx.x; k < padded * M; k += THREADS) h[k] = k < rows * M ? H[first * (long long)M + k] : REAL(0);
    REAL p[WIDTH][M + 1], a[WIDTH][M + 1] = {};
#pragma unroll
    for (int r = 0; r < WIDTH; ++r)  // a feature beyond the last has p = 0 and adds 0
#pragma unroll
        for (int i = 0; i <= M; ++i) {
            const int j = feature + r * THREADS;
            p[r][i] = j < n ? theta[i * n + j] : REAL(0);
        }
    __syncthreads();

    int turn = 0;
    for (int start = 0; start < rows; start += GROUP, turn ^= 1) {
        REAL v[M][GROUP];
        if (rows - start >= GROUP)
            add_group<true>(h + start * M, GROUP, p, a, v);
        else
            add_group<false>(h + start * M, rows - start, p, a, v);
#pragma unroll
        for (int i = 0; i < M; ++i) {
            scatter_sum<GROUP / 2>(v[i], lane);
            if (lane < GROUP) sums[turn][warp][i][lane] = v[i][0];
        }
        __syncthreads();  // the other half of `sums` is free: whoever read it has passed this barrier since
        const int i = threadIdx.x / GROUP, k = threadIdx.x % GROUP;
        if (i < M && start + k < rows) {
            REAL sum = 0;
#pragma unroll
            for (int w = 0; w < WARPS; ++w) sum += sums[turn][w][i][k];
            V_part[(blockIdx.x * M + i) * (long long)T + first + start + k] = sum;
        }
    }
#pragma unroll
    for (int r = 0; r < WIDTH; ++r)
#pragma unroll
        for (int i = 0; i <= M; ++i) {
            const int j = feature + r * THREADS;
            if (j < n) A_part[(blockIdx.y * (M + 1) + i) * (long long)n + j] = a[r][i];
        }
}

// V_t = the sum over tiles, less c_tj w_j at the non-zeros, and sum c z: a thread an example. V is (T, M).
extern "C" __global__ void examples(int T, int n, int tiles, const int *__restrict__ indptr,
                                    const int *__restrict__ indices, const REAL *__restrict__ values,
                                    const REAL *__restrict__ theta, const REAL *__restrict__ H,
                                    const REAL *__restrict__ V_part, REAL *__restrict__ V,
                                    double *__restrict__ cross) {
    const int t = blockIdx.x * blockDim.x + threadIdx.x;
    double active = 0;
    if (t < T) {
        REAL h[M], v[M];
#pragma unroll
        for (int i = 0; i < M; ++i) {
            h[i] = H[t * (long long)M + i];
            v[i] = 0;
            for (int tile = 0; tile < tiles; ++tile) v[i] += V_part[(tile * M + i) * (long long)T + t];
        }
        for (int k = indptr[t]; k < indptr[t + 1]; ++k) {
            REAL p[M + 1];
#pragma unroll
            for (int i = 0; i <= M; ++i) p[i] = theta[i * n + indices[k]];
            const REAL z = preactivation(p, h);
            if (z > 0) {
                active += (double)values[k] * z;
#pragma unroll
                for (int i = 0; i < M; ++i) v[i] = fma(-values[k], p[i], v[i]);
            }
        }
#pragma unroll
        for (int i = 0; i < M; ++i) V[t * (long long)M + i] = v[i];
    }
    block_sum(active, cross + blockIdx.x);
}

// The gradient, (M+1, n), and sum_j A_j . p_j. A block has COLUMNS features: first their slabs are added up, a lane a
// feature, then their non-zeros, a warp a feature. The columns of X come compressed: column j has examples `members`.
extern "C" __global__ void features(int T, int n, int slabs, const int *__restrict__ starts,
                                    const int *__restrict__ members, const REAL *__restrict__ values,
                                    const REAL *__restrict__ theta, const REAL *__restrict__ H,
                                    const REAL *__restrict__ V, const REAL *__restrict__ A_part,
                                    REAL *__restrict__ gradient, double *__restrict__ squares) {
    __shared__ double sums[HEIGHT][M + 1][COLUMNS];
    __shared__ double A[M + 1][COLUMNS];
    __shared__ REAL at_data[M + 1][COLUMNS];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int j = blockIdx.x * COLUMNS + lane;

    double a[M + 1] = {};
    if (j < n)
        for (int s = warp; s < slabs; s += HEIGHT)
#pragma unroll
            for (int i = 0; i <= M; ++i) a[i] += A_part[(s * (M + 1) + i) * (long long)n + j];
#pragma unroll
    for (int i = 0; i <= M; ++i) sums[warp][i][lane] = a[i];

    for (int c = warp; c < COLUMNS; c += HEIGHT) {
        const int column = blockIdx.x * COLUMNS + c;
        if (column >= n) break;
        REAL p[M + 1], e[M + 1] = {};
#pragma unroll
        for (int i = 0; i <= M; ++i) p[i] = theta[i * n + column];
        for (int k = starts[column] + lane; k < starts[column + 1]; k += 32) {
            const long long t = members[k];
            REAL h[M];
#pragma unroll
            for (int i = 0; i < M; ++i) h[i] = H[t * M + i];
            const REAL x = values[k], c_tj = preactivation(p, h) > 0 ? x : REAL(0);
#pragma unroll
            for (int i = 0; i < M; ++i) e[i] += x * V[t * M + i] - c_tj * h[i];
            e[M] -= c_tj;
        }
#pragma unroll
        for (int i = 0; i <= M; ++i) {
            const REAL sum = warp_sum(e[i]);
            if (lane == 0) at_data[i][c] = sum;
        }
    }
    __syncthreads();

    if (warp <= M) {
        double sum = 0;
        for (int w = 0; w < HEIGHT; ++w) sum += sums[w][warp][lane];
        A[warp][lane] = sum;
        if (j < n) gradient[warp * n + j] = 2.0 / T * (sum + at_data[warp][lane]);
    }
    __syncthreads();
    double square = 0;
    if (warp == 0 && j < n)
#pragma unroll
        for (int i = 0; i <= M; ++i) square += A[i][lane] * theta[i * n + j];
    block_sum(square, squares + blockIdx.x);
}

// AdamW with decoupled decay, an element a thread. Row `*step` of `constants` holds what depends on the step,
//     1 - rate decay,    rate root / (1 - beta1^t),    epsilon root,    root = sqrt(1 - beta2^t),
// read from memory so that one captured graph serves all steps.
extern "C" __global__ void adamw(int size, const int *__restrict__ step, const REAL *__restrict__ constants, REAL rest1,
                                 REAL rest2, const REAL *__restrict__ gradient, REAL *__restrict__ theta,
                                 REAL *__restrict__ mean, REAL *__restrict__ square) {
    const int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= size) return;
    const REAL *c = constants + 3 * *step;
    const REAL g = gradient[k];
    const REAL m = mean[k] + (g - mean[k]) * rest1;
    const REAL v = square[k] + (g * g - square[k]) * rest2;
    mean[k] = m;
    square[k] = v;
    theta[k] = theta[k] * c[0] - m / (sqrt(v) + c[2]) * c[1];
}

// L from its three sums, by one block, into losses[*step]; then on to the next step.
extern "C" __global__ void finish(int T, int examples, int features, const double *__restrict__ cross,
                                  const double *__restrict__ squares, double data, double *__restrict__ losses,
                                  int *__restrict__ step) {
    __shared__ double total;
    double sum = 0;
    for (int k = threadIdx.x; k < features; k += blockDim.x) sum += squares[k];
    for (int k = threadIdx.x; k < examples; k += blockDim.x) sum -= 2 * cross[k];
    block_sum(sum, &total);
    if (threadIdx.x == 0) {
        losses[*step] = (data + total) / T;
        ++*step;
    }
}
