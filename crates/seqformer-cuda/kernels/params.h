// Parameters of the kernels: plain numbers and addresses, with the same layout on the host and the device.

#pragma once

// Maximum number of levels for the attention kernels.
constexpr int kMaxLevels = 8;
// Maximum number of inputs of the first dynamic convolution, C / 32 + 2.
constexpr int kMaxMaskInputs = 66;
// Channels between the dynamic convolutions.
constexpr int kMaskChannels = 8;
// Cells of a map that a block of `dynamic_masks` works on.
constexpr int kMaskTileWidth = 32;
constexpr int kMaskTileHeight = 8;
// Maximum number of channels of `add_norm`.
constexpr int kMaxNormChannels = 512;
// Threads of every block.
constexpr int kThreads = 256;

struct LevelParams {
  int height;
  int width;
  // First token.
  int start;
};

// Multi-scale deformable attention. A group of `lanes` threads, a power of two up to 32, has one query and head.
struct AttentionParams {
  const void *value;        // [N, S, M, D] of any strides, the last of them 1
  const float *locations;   // [N, Q, M, L, P, 2]: locations, or offsets in cells
  const float *weights;     // [N, Q, M, L, P]: weights, or logits
  const float *references;  // [N or 1, Q, L, 2]; of the kernels with offsets alone
  const bool *padding;      // null, or [N or 1, S], true = the token counts as zero
  long long value_clip_stride;
  long long value_token_stride;
  long long value_head_stride;
  // Numbers from one query to the next; those of a query are dense.
  long long location_query_stride;
  long long weight_query_stride;
  long long reference_clip_stride;  // 0 if all clips share them
  long long padding_clip_stride;    // 0 if all clips share it
  int heads;
  int channels;
  int queries;
  int points;
  int num_levels;
  int lanes;
  // Blocks for the queries of one clip and head.
  int query_blocks;
  LevelParams levels[kMaxLevels];
};

struct AttentionGradients {
  const void *out;  // [N, Q, M * D], read
  float *value;     // [N, S, M, D] and zero before; null if it is not wanted
  float *locations; // like `locations` above
  float *weights;   // like the weights
  long long value_clip_stride;
  long long value_token_stride;
};

// The dynamic mask head. Its outputs are twice as high and wide as the features.
struct DynamicMasksParams {
  const void *features;     // [T, C / 32, h, w] of any strides
  const float *params;      // [I, parameters], all weights first, then all biases
  const float *references;  // [T, I, 2], (x, y) in pixels
  float *out;               // [I, T, 2h, 2w]
  long long frame_stride;
  long long channel_stride;
  long long row_stride;
  long long column_stride;
  int num_params;
  int frames;
  int instances;
  int inputs;  // C / 32 + 2
  int height;
  int width;
  int stride;  // Pixels for one cell of the features.
  int tile_rows;
  int tile_columns;
};

// Masks as bits, at the size of the video.
struct PackMasksParams {
  const float *logits;  // [I, h, w], each mask dense
  unsigned *words;      // [I, words], pixels in the order of columns, the first in the lowest bit
  long long mask_stride;
  int height;
  int width;
  int input_height;
  int input_width;
  int output_height;
  int output_width;
  int words_per_mask;
  int blocks_per_mask;
  float row_scale;
  float column_scale;
};

// Normalized frames.
struct NormalizeParams {
  const unsigned char *frames;  // [T, H, W, 3]
  void *out;                    // [T, padded H, padded W, 3]
  int height;
  int width;
  int padded_height;
  int padded_width;
  long long elements;  // of the output
  int reversed;        // Not 0: channel c of the output is channel 2 - c of the frame.
  float mean[3];       // in the order of the output
  float deviation[3];
};

// The end of a convolution, in place.
struct ConvEpilogueParams {
  void *map;             // [N, C, H, W], dense, channels last or first
  const void *bias;      // [C]
  const void *residual;  // null, or like the map, in the same layout
  long long elements;
  long long cells_per_channel;  // Numbers of one channel that lie side by side: 1, or H * W if channels come first.
  int channels;
  int relu;  // Not 0: negative numbers become 0.
};

// The sum of a layer's output and its input, normalized over channels.
struct AddNormParams {
  const void *update;     // [rows, C]
  const float *residual;  // [rows, C]
  const float *weight;    // [C]
  const float *bias;      // [C]
  float *out;             // [rows, C]
  void *rounded;          // null, or [rows, C] of bf16
  long long rows;
  int channels;
  float eps;
};
