use std::time::Instant;
use seqformer_ops::{FeatureLevels, LevelSize, attention::SelfAttention, packed_linear::*, fused::Activation, deformable_layer::*};
use tch::{Device, Kind, Tensor};
fn time(name:&str, mut f: impl FnMut()){ for _ in 0..3{f();} let mut v=vec![]; for _ in 0..if std::env::args().nth(1).is_some(){150}else{15}{let t=Instant::now(); f(); v.push(t.elapsed().as_secs_f64()*1e3);} v.sort_by(f64::total_cmp); println!("{name}: {:.3} ms", v[7]); }
fn main(){
 let _g=tch::no_grad_guard();
 let only=std::env::args().nth(1).unwrap_or_default();
 let on=(Kind::Float,Device::Cpu);
 let t:i64=5; let q:i64=300; let c:i64=256;
 let aff=|o:i64,i:i64|(Tensor::randn([o,i],on)*0.06,Tensor::randn([o],on)*0.1);
 for bf in if only.is_empty(){vec![true,false]}else{vec![true]}{
  let (w,b)=aff(512,c); let qk_l=PackedLinear::new(Affine{weight:&w,bias:&b},bf).unwrap();
  let (w,b)=aff(256,c); let v_l=PackedLinear::new(Affine{weight:&w,bias:&b},bf).unwrap();
  let x=Tensor::randn([t,q,c],on);
  let qk=Tensor::randn([t,q,2*c],on);
  let at=SelfAttention::new(8,bf).unwrap();
  let (nw,nb)=(Tensor::ones([c],on),Tensor::zeros([c],on));
  if only.is_empty()||only=="att"{
  if only.is_empty(){time("qk linear",||{let _=qk_l.forward(&x,Activation::None,None).unwrap();});
  time("out linear + res",||{let _=v_l.forward(&x,Activation::None,Some(&x)).unwrap();});
  }time("attention",||{let _=at.forward(&qk,&x).unwrap();});
  time("add",||{let _=&x+&x;});
  time("norm",||{let _=x.layer_norm([c],Some(&nw),Some(&nb),1e-5,false);});
  }
  let size=|height,width|LevelSize{height,width};
  let levels=FeatureLevels::new(&[size(48,80),size(24,40),size(12,20),size(6,10)]).unwrap();
  let ps:Vec<(Tensor,Tensor)>=[(c,c),(256,c),(128,c),(c,c),(c,c),(1024,c),(c,1024)].iter().map(|&(o,i)|aff(o,i)).collect();
  let a=|i:usize|Affine{weight:&ps[i].0,bias:&ps[i].1};
  let n=Affine{weight:&nw,bias:&nb};
  let l=DeformableLayer::new(&DeformableLayerParameters{value_proj:a(0),sampling_offsets:a(1),attention_weights:a(2),output_proj:a(3),second_output_proj:Some(a(4)),norm1:n,linear1:a(5),linear2:a(6),norm2:n,eps:1e-5,num_heads:8,num_points:4},bf).unwrap();
  let tok=Tensor::randn([t,levels.num_tokens(),c],on);
  let pos=Tensor::randn([1,q,c],on); let refs=Tensor::rand([t,q,4,4],on);
  if only.is_empty()||only=="dec"{
  time("decoder layer",||{let _=l.forward(&DeformableLayerInput{tokens:&tok,queries:Some(&x),positions:&pos,references:&refs,padding:None},&levels).unwrap();});
  let h=PackedLinear::new(a(0),bf).unwrap();
  time("head values",||{let _=h.head_values(&tok,8,None).unwrap();});}
  let pe=Tensor::randn([1,levels.num_tokens(),c],on); let rf=Tensor::rand([1,levels.num_tokens(),4,2],on);
  let cs:Vec<Tensor>=levels.sizes().iter().map(|s|{let ax=|n:i64|(Tensor::arange(n,on)+0.5)/n as f64; let g=Tensor::meshgrid_indexing(&[ax(s.height),ax(s.width)],"ij"); Tensor::stack(&[&g[1],&g[0]],-1).view([-1,2])}).collect();
  let rf=Tensor::cat(&cs,0).view([1,-1,1,2]).repeat([1,1,4,1])+0.0*rf;
  if only.is_empty()||only=="enc"{
  time("encoder layer",||{let _=l.forward(&DeformableLayerInput{tokens:&tok,queries:None,positions:&pe,references:&rf,padding:None},&levels).unwrap();});}
 }
}
