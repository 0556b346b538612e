use std::time::Duration;

use tch::{Device, Kind, Tensor};

use super::{GradientReducer, Member, ProcessGroup, Store};

const TIMEOUT: Duration = Duration::from_mins(1);

/// Runs `body` in `world_size` threads, each a member of one group.
fn in_group<T: Send>(
    world_size: usize,
    timeout: Duration,
    body: impl Fn(&ProcessGroup) -> T + Sync,
) -> Vec<T> {
    let server = Store::serve(0, TIMEOUT).unwrap();
    let port = server.port();
    std::thread::scope(|scope| {
        let body = &body;
        let members: Vec<_> = (0..world_size)
            .map(|rank| {
                scope.spawn(move || {
                    let store = Store::connect("127.0.0.1", port, TIMEOUT).unwrap();
                    let member = Member { rank, world_size };
                    let group =
                        ProcessGroup::gloo(&store, member, Some("127.0.0.1"), timeout).unwrap();
                    body(&group)
                })
            })
            .collect();
        members.into_iter().map(|member| member.join().unwrap()).collect()
    })
}

fn values(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.flatten(0, -1)).unwrap()
}

#[test]
fn a_table_holds_values_and_counters() {
    let server = Store::serve(0, TIMEOUT).unwrap();
    assert!(server.port() > 0);
    let client = Store::connect("127.0.0.1", server.port(), TIMEOUT).unwrap();
    let part = client.prefixed("part").unwrap();
    assert!(!part.has("key").unwrap());
    part.set("key", b"").unwrap();
    assert_eq!(part.get("key", TIMEOUT).unwrap(), b"");
    part.set("key", &[0, 255, 10]).unwrap();
    assert_eq!(server.prefixed("part").unwrap().get("key", TIMEOUT).unwrap(), [0, 255, 10]);
    assert!(!client.has("key").unwrap(), "a prefix keeps its keys apart");
    assert_eq!(part.add("counter", 2).unwrap(), 2);
    assert_eq!(server.prefixed("part").unwrap().add("counter", 3).unwrap(), 5);
    part.remove("key").unwrap();
    assert!(!part.has("key").unwrap());
    let error = part.get("key", Duration::from_millis(20)).unwrap_err().to_string();
    assert!(error.contains("timeout") || error.contains("Timeout"), "{error}");
}

#[test]
fn messages_keep_what_a_user_understands() {
    let message = "[/a/gloo/pair.cc:547] Connection closed by peer [127.0.0.1]:7\nException raised from f (g:1)\nframe";
    assert_eq!(super::first_line(message), "Connection closed by peer [127.0.0.1]:7");
    assert_eq!(super::first_line("[x] stays\n  both lines"), "[x] stays both lines");
}

#[test]
fn nobody_at_the_meeting_point_is_an_error_with_its_address() {
    let free = Store::serve(0, TIMEOUT).unwrap().port();
    let error = Store::connect("127.0.0.1", free, Duration::from_millis(300)).unwrap_err();
    assert!(error.to_string().contains(&free.to_string()), "{error}");
}

#[test]
fn members_add_up_pass_on_and_collect() {
    let found = in_group(3, TIMEOUT, |group| {
        let rank = group.member().rank as f64;
        let sum = Tensor::full([5], rank, (Kind::Float, Device::Cpu));
        group.all_reduce(&sum).unwrap();
        let root = Tensor::full([2, 2], 10.0 * rank, (Kind::Double, Device::Cpu));
        group.broadcast(&root, 2).unwrap();
        group.barrier().unwrap();
        assert!(!group.group.health().has_failed());
        let rows = group.all_gather(&[rank, rank * rank], Device::Cpu).unwrap();
        group.give_up();
        assert!(group.group.health().has_failed());
        (values(&sum), values(&root), rows)
    });
    for (sum, root, rows) in found {
        assert_eq!(sum, [3.0; 5]);
        assert_eq!(root, [20.0; 4]);
        assert_eq!(rows, [[0.0, 0.0], [1.0, 1.0], [2.0, 4.0]]);
    }
}

#[test]
fn a_member_that_does_not_come_ends_the_wait_of_the_others() {
    let has_failed = std::sync::Barrier::new(2);
    let found = in_group(2, Duration::from_secs(2), |group| {
        if group.member().rank == 1 {
            // Alive until the other has given up, but it never takes part.
            has_failed.wait();
            return None;
        }
        let tensor = Tensor::zeros([4], (Kind::Float, Device::Cpu));
        let error = group.all_reduce(&tensor).map_err(|error| error.to_string());
        assert!(group.group.health().has_failed(), "it would wait for the others when it leaves");
        has_failed.wait();
        error.err()
    });
    let error = found[0].clone().unwrap();
    assert!(error.starts_with("reducing over the processes"), "{error}");
}

/// A loss that uses only the first two of three parameters, and the second one in process 1 alone.
fn loss(parameters: &[Tensor], rank: usize, scale: f64) -> Tensor {
    let first = (&parameters[0] * (scale * (rank + 1) as f64)).sum(Kind::Float);
    if rank == 1 { first + parameters[1].square().sum(Kind::Float) } else { first }
}

#[test]
fn gradients_are_those_of_all_processes_together() {
    // Small enough that every parameter has a bucket of its own, and large enough for one bucket.
    for bucket_bytes in [16, 1 << 20] {
        let found = in_group(2, TIMEOUT, |group| {
            let rank = group.member().rank;
            let on = (Kind::Float, Device::Cpu);
            let channels_last = Tensor::arange(24, on).view([2, 3, 2, 2]).permute([0, 2, 3, 1]);
            let parameters: Vec<Tensor> = [
                Tensor::ones([5], on),
                channels_last.contiguous().permute([0, 3, 1, 2]),
                Tensor::ones([3], on),
            ]
            .map(|tensor| tensor.set_requires_grad(true))
            .into();
            let list: Vec<&Tensor> = parameters.iter().collect();
            let mut reducer = GradientReducer::new(group, &list, bucket_bytes).unwrap();
            let mut all = Vec::new();
            for round in 0..3 {
                let scale = f64::from(round + 1);
                let before =
                    (round == 2).then(|| vec![Some(Tensor::full([5], 0.5, on)), None, None]);
                let loss = loss(&parameters, rank, scale);
                let found = reducer.backward(Some(&loss), before.as_deref()).unwrap();
                let strides = found[1].as_ref().unwrap().stride();
                assert_eq!(strides, parameters[1].stride(), "the layout is that of the parameter");
                all.push(
                    found.iter().map(|tensor| tensor.as_ref().map(values)).collect::<Vec<_>>(),
                );
            }
            // One process has nothing to add.
            let own = (rank == 0).then(|| parameters[0].sum(Kind::Float));
            let found = reducer.backward(own.as_ref(), None).unwrap();
            assert_eq!(values(found[0].as_ref().unwrap()), [1.0; 5]);
            assert!(found[1].is_none() && found[2].is_none());
            // Hooks of a reducer that is busy with nothing change nothing.
            let plain =
                Tensor::run_backward(&[loss(&parameters, rank, 1.0)], &list[..1], false, false);
            assert_eq!(values(&plain[0]), [(rank + 1) as f32; 5]);
            all
        });
        assert_eq!(found[0], found[1]);
        let second: Vec<f32> = found[0][0][1].clone().unwrap();
        let mut sorted = second.clone();
        sorted.sort_by(f32::total_cmp);
        assert_eq!(sorted, (0..24).map(|value| 2.0 * value as f32).collect::<Vec<_>>());
        for (round, gradients) in found[0].iter().enumerate() {
            let extra = if round == 2 { 1.0 } else { 0.0 };
            assert_eq!(gradients[0], Some(vec![3.0 * (round + 1) as f32 + extra; 5]));
            assert_eq!(gradients[1], Some(second.clone()));
            assert_eq!(gradients[2], None, "nobody uses it");
        }
    }
}

#[test]
fn a_process_that_goes_away_in_the_middle_ends_the_backward_of_the_others() {
    let found = in_group(2, Duration::from_secs(5), |group| {
        let parameter = Tensor::ones([5], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let mut reducer = GradientReducer::new(group, &[&parameter], 1 << 20).unwrap();
        if group.member().rank == 1 {
            return None;
        }
        let found = reducer.backward(Some(&parameter.sum(Kind::Float)), None);
        assert!(group.group.health().has_failed(), "it would wait for the others when it leaves");
        Some(found.unwrap_err().to_string())
    });
    let error = found[0].clone().unwrap();
    assert!(error.starts_with("reducing the gradients of all processes"), "{error}");
}
