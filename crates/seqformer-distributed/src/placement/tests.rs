use super::{Placement, first_slurm_host};
use crate::DistributedError;

fn placement(variables: &[(&str, &str)]) -> Result<Option<Placement>, DistributedError> {
    Placement::from_environment(&|name| {
        let found = variables.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn without_a_launcher_there_is_no_placement() {
    assert_eq!(placement(&[("MASTER_PORT", "1234")]).unwrap(), None);
    assert_eq!(placement(&[("RANK", "0"), ("WORLD_SIZE", "")]).unwrap(), None);
    // A batch script of SLURM outside of srun.
    let script = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "8"), ("SLURM_JOB_NODELIST", "a[1-8]")];
    assert_eq!(placement(&script).unwrap(), None);
}

#[test]
fn torchrun_serves_the_meeting_point_itself() {
    let found = placement(&[
        ("RANK", "0"),
        ("WORLD_SIZE", "4"),
        ("LOCAL_RANK", "0"),
        ("MASTER_ADDR", "10.0.0.1"),
        ("MASTER_PORT", "29501"),
        ("TORCHELASTIC_USE_AGENT_STORE", "True"),
        ("TORCHELASTIC_RESTART_COUNT", "2"),
    ]);
    let expected = Placement {
        rank: 0,
        world_size: 4,
        local_rank: 0,
        host: "10.0.0.1".to_owned(),
        port: 29501,
        serves: false,
        attempt: 2,
    };
    assert_eq!(found.unwrap(), Some(expected));
}

#[test]
fn slurm_and_mpi_are_understood() {
    let slurm = [
        ("SLURM_PROCID", "3"),
        ("SLURM_STEP_NUM_TASKS", "8"),
        ("SLURM_LOCALID", "1"),
        ("SLURM_STEP_NODELIST", "gpu[003-006,010],login"),
        ("SLURM_JOB_ID", "123456"),
    ];
    let found = placement(&slurm).unwrap().unwrap();
    assert_eq!((found.rank, found.world_size, found.local_rank), (3, 8, 1));
    assert_eq!((found.host.as_str(), found.port, found.serves), ("gpu003", 23_456, false));
    let mpi = [
        ("OMPI_COMM_WORLD_RANK", "0"),
        ("OMPI_COMM_WORLD_SIZE", "2"),
        ("OMPI_COMM_WORLD_LOCAL_RANK", "0"),
    ];
    let one = [&mpi[..], &[("OMPI_COMM_WORLD_LOCAL_SIZE", "2")]].concat();
    let found = placement(&one).unwrap().unwrap();
    assert_eq!((found.host.as_str(), found.port, found.serves), ("127.0.0.1", 29500, true));
    let error = placement(&mpi).unwrap_err().to_string();
    assert!(error.contains("MASTER_ADDR"), "{error}");
}

#[test]
fn the_first_machine_of_a_list_is_found() {
    let cases = [
        ("node7", "node7"),
        ("a,b", "a"),
        ("gpu[12-14]", "gpu12"),
        ("r[1-2]n[05,07]-ib,x", "r1n05-ib"),
    ];
    for (list, expected) in cases {
        let var = |name: &str| match name {
            "SLURM_PROCID" => Some("0".to_owned()),
            "SLURM_STEP_NODELIST" => Some(list.to_owned()),
            _ => None,
        };
        assert_eq!(first_slurm_host(&var).as_deref(), Some(expected));
    }
}

#[test]
fn wrong_values_are_named() {
    let error = placement(&[("RANK", "one"), ("WORLD_SIZE", "2")]).unwrap_err().to_string();
    assert!(error.contains("RANK: expected a number, found \"one\""), "{error}");
    let all = [("RANK", "2"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "x")];
    let error = placement(&all).unwrap_err().to_string();
    assert!(error.contains("rank 2"), "{error}");
}
