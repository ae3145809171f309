// Many Adam steps of many small models on X = I, a block a model, a thread a feature.
//
//     z_ij = w_i . w_j + b_j,   r_ij = max(z_ij, 0) - [i = j] [z_ii > 0]
//     n/2 dL/dw_i = sum_j (r_ij + r_ji) w_j          n/2 dL/db_i = sum_j r_ji
//
// Compiled with REAL = float or double, M latent dimensions and N features, N up to 1024. Models, first and second
// moments are (B, M+1, N): the rows of W, then b. The factor 2/n is left out of the gradient, as is 1 - beta out of the
// moments; both live in `constants`: row s holds what depends on the step,
//     rate (1 - beta1) root / (1 - beta1^t),    epsilon root n/2,    root = sqrt((1 - beta2^t) / (1 - beta2)).

constexpr int THREADS = (N + 31) / 32 * 32;
constexpr int UNROLL = N <= 32 ? N : 8;

extern "C" __global__ void __launch_bounds__(THREADS)
    adam_steps(int steps, const REAL *__restrict__ constants, REAL keep, REAL beta1, REAL beta2,
               REAL *__restrict__ models, REAL *__restrict__ means, REAL *__restrict__ squares) {
    __shared__ REAL shared[2][M + 1][N];  // one half is read while the other is written: one barrier a step
    const int i = threadIdx.x;
    const long long place = blockIdx.x * (long long)((M + 1) * N) + i;
    REAL own[M + 1] = {}, mean[M + 1] = {}, square[M + 1] = {};
    if (i < N)
#pragma unroll
        for (int a = 0; a <= M; ++a) {
            own[a] = models[place + a * N];
            mean[a] = means[place + a * N];
            square[a] = squares[place + a * N];
            shared[0][a][i] = own[a];
        }
    __syncthreads();

    for (int s = 0; s < steps; ++s) {
        const REAL(&all)[M + 1][N] = shared[s % 2];
        REAL g[M + 1] = {};
        if (i < N) {
#pragma unroll UNROLL
            for (int j = 0; j < N; ++j) {
                REAL inner = 0;
#pragma unroll
                for (int a = 0; a < M; ++a) inner = fma(own[a], all[a][j], inner);
                const REAL to_j = fmax(inner + all[M][j], REAL(0)), to_i = fmax(inner + own[M], REAL(0));
#pragma unroll
                for (int a = 0; a < M; ++a) g[a] = fma(to_j + to_i, all[a][j], g[a]);
                g[M] += to_i;
            }
            REAL diagonal = 0;
#pragma unroll
            for (int a = 0; a < M; ++a) diagonal = fma(own[a], own[a], diagonal);
            if (diagonal + own[M] > 0) {
#pragma unroll
                for (int a = 0; a < M; ++a) g[a] -= 2 * own[a];
                g[M] -= 1;
            }
            const REAL rate = constants[2 * s], epsilon = constants[2 * s + 1];
#pragma unroll
            for (int a = 0; a <= M; ++a) {
                mean[a] = beta1 * mean[a] + g[a];
                square[a] = beta2 * square[a] + g[a] * g[a];
                own[a] = own[a] * keep - rate * (mean[a] / (sqrt(square[a]) + epsilon));
                shared[(s + 1) % 2][a][i] = own[a];
            }
        }
        __syncthreads();
    }
    if (i < N)
#pragma unroll
        for (int a = 0; a <= M; ++a) {
            models[place + a * N] = own[a];
            means[place + a * N] = mean[a];
            squares[place + a * N] = square[a];
        }
}
