"""Functions of keras.ops without a converter, by the reason."""

from __future__ import annotations

from ..registry import refuses_operations

_PREPARE = "Apply it to the data first, or to the outputs, and build the model on what it gives"

REFUSED = {
    f"it gives truth values or places in an array, which are no rates. {_PREPARE}": """
        all allclose argmax argmin argpartition argsort bincount count_nonzero digitize equal greater
        greater_equal heaviside histogram in_top_k isclose isfinite isin isinf isnan isneginf isposinf
        isreal less less_equal logical_and logical_not logical_or logical_xor multi_hot nanargmax nanargmin
        ndim nonzero one_hot searchsorted signbit size unique unravel_index view
    """,
    f"it works on whole numbers or on their bits. {_PREPARE}": """
        bitwise_and bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor
        ceil floor floor_divide fmod gcd lcm ldexp left_shift mod nextafter right_shift round trunc
    """,
    f"it gives or takes complex numbers, or frequencies. {_PREPARE}": """
        angle conj conjugate extract_sequences fft fft2 ifft2 imag irfft istft polar real rfft stft
        view_as_complex view_as_real
    """,
    f"it decomposes or inverts matrices. {_PREPARE}": """
        cholesky cholesky_inverse det eig eigh inv logdet lstsq lu_factor matrix_rank pinv qr slogdet solve
        solve_triangular svd
    """,
    "it holds code that cannot be looked into. Use layers, or functions of keras.ops on the model's tensors": """
        associative_scan cond fori_loop jvp map scan switch vectorized_map while_loop
    """,
    f"it is a loss or a measure of quality. {_PREPARE}": """
        binary_crossentropy categorical_crossentropy ctc_decode ctc_loss psnr
        sparse_categorical_crossentropy
    """,
    f"it sorts or counts values, or takes statistics of their order. {_PREPARE}": """
        corrcoef correlate median nanmedian nanpercentile nanquantile percentile quantile segment_max
        segment_min segment_prod segment_sum sort sparsemax top_k
    """,
    "it treats values that are not numbers, which no spike carries. Use the function without nan in its name": """
        nan_to_num nancumprod nancumsum nanmax nanmean nanmin nanprod nanstd nansum nanvar
    """,
    "it makes arrays that do not depend on the data. Compute it before, and use what it gives as a constant": """
        arange array copy empty_like full full_like geomspace linspace logspace meshgrid ones_like tril triu
        vander zeros_like
    """,
    "there is no converter for it yet. Use the layer, or simpler functions, that do the same": """
        adaptive_average_pool adaptive_max_pool append arccos arccosh arcsin arcsinh arctan arctan2 arctanh
        array_split average average_pool broadcast_to cast cbrt cdist conv_transpose convert_to_tensor
        cosh cross cumprod cumsum deg2rad depth_to_space depthwise_conv diag diagflat diagonal diff
        divide_no_nan dot dot_product_attention dsplit dstack erfc erfinv exp2 fabs flip fliplr flipud fmax
        fmin fold hsplit hstack hypot i0 inner kron leaky_relu log10 log2 logaddexp logaddexp2 logsumexp
        max_pool moments moveaxis norm normalize outer prod ptp rad2deg ravel rearrange repeat roll rot90
        saturate_cast scatter scatter_update select separable_conv sinc sinh slice slice_update
        space_to_depth stack std stop_gradient take take_along_axis tan tensordot tile trace trapezoid
        unfold unstack var vdot vsplit vstack where layer_norm rms_norm batch_norm
    """,
}

for _reason, _names in REFUSED.items():
    refuses_operations(*_names.split(), because=_reason)
