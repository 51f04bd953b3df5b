//! A stand-in for Amazon ECS, which no emulator has: `ListTasks` and `RunTask` over its JSON protocol.

mod http;
mod signature;

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use self::http::Request;

const TARGET: &str = "AmazonEC2ContainerServiceV20141113.";

/// What is wrong with ECS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EcsTrouble {
    /// Nothing.
    None,
    /// The cluster's default capacity providers have no capacity; `FARGATE` has.
    NoSpot,
    /// No provider has capacity.
    NoCapacity,
    /// This many requests get `ThrottlingException`.
    Throttling(u32),
    /// The role has no rights.
    AccessDenied,
    /// Each response takes so long.
    Slow(Duration),
}

/// A running stand-in. Tasks run until they are ended.
pub struct EcsStandIn {
    state: Arc<Shared>,
    port: u16,
}

struct Shared {
    ecs: Mutex<Ecs>,
    is_over: AtomicBool,
}

struct Ecs {
    trouble: EcsTrouble,
    /// The accepted requests, with their operations.
    calls: Vec<(String, Value)>,
    /// Names of tasks by token, with the request that started each.
    tokens: HashMap<String, (Value, String)>,
    /// Names of the tasks that run.
    tasks: Vec<String>,
    /// Why signatures were refused.
    refused: Vec<String>,
}

impl EcsStandIn {
    /// The access key id and secret access key that it accepts.
    pub const KEY: &str = "test";
    /// Its region.
    pub const REGION: &str = "us-east-1";
    /// The settings of programs that use it, except its endpoint.
    pub const VARIABLES: [(&str, &str); 7] = [
        ("AWS_ACCESS_KEY_ID", Self::KEY),
        ("AWS_SECRET_ACCESS_KEY", Self::KEY),
        ("AWS_REGION", Self::REGION),
        ("EDGEREEL_ECS_CLUSTER", "videos"),
        ("EDGEREEL_ECS_TASK_DEFINITION", "transcoder:7"),
        ("EDGEREEL_ECS_SUBNETS", "subnet-1,subnet-2"),
        ("EDGEREEL_ECS_SECURITY_GROUP", "sg-1"),
    ];

    /// Starts a stand-in without tasks.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a port").port();
        let ecs = Ecs {
            trouble: EcsTrouble::None,
            calls: vec![],
            tokens: HashMap::new(),
            tasks: vec![],
            refused: vec![],
        };
        let state = Arc::new(Shared {
            ecs: Mutex::new(ecs),
            is_over: AtomicBool::new(false),
        });
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let shared = shared.clone();
                // A client that is gone is its own affair.
                std::thread::spawn(move || stream.map(|it| shared.answer(it)));
            }
        });
        Self { state, port }
    }

    /// URL of the server, `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Changes what is wrong.
    pub fn set_trouble(&self, trouble: EcsTrouble) {
        self.ecs().trouble = trouble;
    }

    /// The requests of an operation so far. Panics if a signature was refused.
    pub fn calls(&self, operation: &str) -> Vec<Value> {
        let ecs = self.ecs();
        assert_eq!(ecs.refused, [""; 0], "signatures");
        let calls = ecs.calls.iter().filter(|it| it.0 == operation);
        calls.map(|it| it.1.clone()).collect()
    }

    /// The number of tasks that run.
    pub fn tasks(&self) -> usize {
        self.ecs().tasks.len()
    }

    /// Ends all tasks.
    pub fn end_tasks(&self) {
        self.ecs().tasks.clear();
    }

    fn ecs(&self) -> MutexGuard<'_, Ecs> {
        self.state.ecs()
    }
}

impl Drop for EcsStandIn {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::Relaxed);
        // Ends the wait for the next connection.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

impl Shared {
    fn ecs(&self) -> MutexGuard<'_, Ecs> {
        self.ecs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, mut stream: TcpStream) {
        let Some(request) = Request::read(&mut stream) else {
            return;
        };
        let pause = match self.ecs().trouble {
            EcsTrouble::Slow(pause) => pause,
            _ => Duration::ZERO,
        };
        std::thread::sleep(pause);
        let answer = self.ecs().execute(&request);
        let (status, body) = answer.unwrap_or_else(|(kind, text)| {
            let kind = format!("com.amazonaws.ecs#{kind}");
            (400, json!({ "__type": kind, "message": text }))
        });
        http::respond(&mut stream, status, &body.to_string());
    }
}

/// A status and a body, or the kind and the message of an error.
type Outcome = Result<(u16, Value), (&'static str, &'static str)>;

impl Ecs {
    fn execute(&mut self, request: &Request) -> Outcome {
        if let Err(problem) = signature::check(request, EcsStandIn::KEY, EcsStandIn::REGION) {
            self.refused.push(problem);
            return Err(("InvalidSignatureException", "the signature does not match"));
        }
        let operation = request.header("x-amz-target").strip_prefix(TARGET);
        let operation = operation.unwrap_or_default().to_owned();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match &mut self.trouble {
            EcsTrouble::Throttling(left) if *left > 0 => {
                *left -= 1;
                return Err(("ThrottlingException", "Rate exceeded"));
            }
            EcsTrouble::AccessDenied => {
                return Err(("AccessDeniedException", "not authorized to perform this"));
            }
            _ => {}
        }
        self.calls.push((operation.clone(), body.clone()));
        match operation.as_str() {
            "ListTasks" => Ok((200, self.list(&body))),
            "RunTask" => self.run(body),
            _ => Err(("UnknownOperationException", "the stand-in does not know it")),
        }
    }

    /// A page of two tasks, so that clients have to ask again.
    fn list(&self, request: &Value) -> Value {
        let first: usize = request["nextToken"]
            .as_str()
            .and_then(|it| it.parse().ok())
            .unwrap_or(0);
        let page: Vec<_> = self.tasks.iter().skip(first).take(2).collect();
        let next = (first + 2 < self.tasks.len()).then(|| (first + 2).to_string());
        json!({ "taskArns": page, "nextToken": next })
    }

    fn run(&mut self, request: Value) -> Outcome {
        let token = request["clientToken"].as_str().unwrap_or_default();
        let (token, names_provider) = (
            token.to_owned(),
            request["capacityProviderStrategy"].is_array(),
        );
        if token.is_empty() || token.len() > 64 {
            return Err(("InvalidParameterException", "clientToken"));
        }
        let has_capacity = match self.trouble {
            EcsTrouble::NoSpot => names_provider,
            EcsTrouble::NoCapacity => false,
            _ => true,
        };
        if !has_capacity {
            let reason = "Capacity is unavailable at this time. Please try again later or in a different availability zone";
            let failure = json!({ "arn": "arn", "reason": reason });
            return Ok((200, json!({ "tasks": [], "failures": [failure] })));
        }
        let name = format!("arn:aws:ecs:us-east-1:000000000000:task/videos/{token}");
        if let Some((before, name)) = self.tokens.get(&token) {
            if *before != request {
                return Err(("ConflictException", "the token is in use"));
            }
            return Ok((
                200,
                json!({ "tasks": [{ "taskArn": name }], "failures": [] }),
            ));
        }
        self.tokens.insert(token, (request, name.clone()));
        self.tasks.push(name.clone());
        Ok((
            200,
            json!({ "tasks": [{ "taskArn": name }], "failures": [] }),
        ))
    }
}
