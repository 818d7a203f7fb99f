//! Where each tensor lies in the one vector that holds all weights.
//!
//! One vector makes the optimizer, clipping and saving loops over a slice. Tensors that one product
//! can use together (queries, keys, values; gate, up) lie side by side, each under the name and in
//! the shape that Hugging Face's `LlamaForCausalLM` gives it.

use std::ops::Range;

use arkor_types::ModelShape;

use crate::rng::Rng;

/// Standard deviation of new weights, as GPT-2 and LlamaConfig have it.
const STD: f64 = 0.02;

/// One tensor of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    /// [out, in], or [width] for a norm.
    pub(crate) shape: Vec<usize>,
    pub(crate) at: Range<usize>,
}

impl Tensor {
    /// Weight decay is for matrices.
    pub(crate) fn decays(&self) -> bool {
        self.shape.len() > 1
    }
}

/// Ranges of one block's weights.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) attention_norm: Range<usize>,
    /// [(queries + 2 keys) * size, width]
    pub(crate) qkv: Range<usize>,
    /// [width, queries * size]
    pub(crate) output: Range<usize>,
    pub(crate) mlp_norm: Range<usize>,
    /// [2 * inner, width]
    pub(crate) gate_up: Range<usize>,
    /// [width, inner]
    pub(crate) down: Range<usize>,
}

/// Ranges of all weights, and the sizes they follow from.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) vocab: usize,
    pub(crate) width: usize,
    pub(crate) inner: usize,
    pub(crate) queries: usize,
    pub(crate) keys: usize,
    pub(crate) head: usize,
    pub(crate) eps: f32,
    pub(crate) theta: f64,
    /// [vocab, width]
    pub(crate) embedding: Range<usize>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) final_norm: Range<usize>,
    /// [vocab, width]; the embedding itself if they are tied.
    pub(crate) unembedding: Range<usize>,
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) len: usize,
}

struct Builder {
    tensors: Vec<Tensor>,
    len: usize,
}

impl Builder {
    fn tensor(&mut self, name: impl Into<String>, shape: &[usize]) -> Range<usize> {
        let at = self.len..self.len + shape.iter().product::<usize>();
        self.len = at.end;
        self.tensors.push(Tensor {
            name: name.into(),
            shape: shape.to_vec(),
            at: at.clone(),
        });
        at
    }
}

impl Layout {
    pub(crate) fn new(shape: &ModelShape, vocab: usize) -> Self {
        let size = |value: u32| value as usize;
        let (width, inner) = (size(shape.hidden_size), size(shape.intermediate_size));
        let queries = size(shape.num_attention_heads);
        let keys = size(shape.num_key_value_heads);
        let head = width / queries.max(1);
        let mut b = Builder {
            tensors: Vec::new(),
            len: 0,
        };
        let embedding = b.tensor("model.embed_tokens.weight", &[vocab, width]);
        let blocks = (0..shape.num_hidden_layers)
            .map(|index| {
                let name = |part: &str| format!("model.layers.{index}.{part}.weight");
                let attention_norm = b.tensor(name("input_layernorm"), &[width]);
                let q = b.tensor(name("self_attn.q_proj"), &[queries * head, width]);
                b.tensor(name("self_attn.k_proj"), &[keys * head, width]);
                let v = b.tensor(name("self_attn.v_proj"), &[keys * head, width]);
                let output = b.tensor(name("self_attn.o_proj"), &[width, queries * head]);
                let mlp_norm = b.tensor(name("post_attention_layernorm"), &[width]);
                let gate = b.tensor(name("mlp.gate_proj"), &[inner, width]);
                let up = b.tensor(name("mlp.up_proj"), &[inner, width]);
                let down = b.tensor(name("mlp.down_proj"), &[width, inner]);
                Block {
                    attention_norm,
                    qkv: q.start..v.end,
                    output,
                    mlp_norm,
                    gate_up: gate.start..up.end,
                    down,
                }
            })
            .collect();
        let final_norm = b.tensor("model.norm.weight", &[width]);
        let unembedding = if shape.tie_word_embeddings {
            embedding.clone()
        } else {
            b.tensor("lm_head.weight", &[vocab, width])
        };
        Self {
            vocab,
            width,
            inner,
            queries,
            keys,
            head,
            eps: shape.rms_norm_eps as f32,
            theta: shape.rope_theta,
            embedding,
            blocks,
            final_norm,
            unembedding,
            tensors: b.tensors,
            len: b.len,
        }
    }

    /// New weights: norms 1, matrices normal. Those that write to the residual stream are smaller
    /// by sqrt(2 * blocks), as in GPT-2, so that the stream's variance does not grow with depth.
    /// Each tensor's numbers depend on the seed and its name alone.
    pub(crate) fn initial(&self, seed: u64) -> Vec<f32> {
        let mut weights = vec![1.0; self.len];
        let residual = STD / ((2 * self.blocks.len()) as f64).sqrt();
        for tensor in self.tensors.iter().filter(|tensor| tensor.decays()) {
            let writes_residual =
                tensor.name.contains("o_proj") || tensor.name.contains("down_proj");
            let std = if writes_residual { residual } else { STD };
            let mut rng = Rng::new(seed, &tensor.name);
            for weight in weights.get_mut(tensor.at.clone()).unwrap_or_default() {
                *weight = (rng.normal() * std) as f32;
            }
        }
        weights
    }
}
