//! Asks for the network.

use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use arkor_guest::prelude::*;

#[derive(Default)]
struct AsksSocket;

impl Trainer for AsksSocket {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("asks-socket"))
    }

    fn on_started(&mut self, _: &Started) -> Result<Actions> {
        for address in ["169.254.169.254:80", "[::ffff:127.0.0.1]:80", "[::1]:80"] {
            if TcpStream::connect(address).is_ok() {
                println!("ESCAPED: {address}");
            }
        }
        if TcpListener::bind("127.0.0.1:0").is_ok_and(|listener| listener.accept().is_ok()) {
            println!("ESCAPED: listens");
        }
        if UdpSocket::bind("0.0.0.0:0").is_ok_and(|s| s.send_to(b"x", "127.0.0.1:9").is_ok()) {
            println!("ESCAPED: sends");
        }
        if ("localhost", 80).to_socket_addrs().is_ok() {
            println!("ESCAPED: looks up names");
        }
        TcpStream::connect("127.0.0.1:80")?;
        println!("ESCAPED: connects");
        Ok(vec![])
    }
}

arkor_guest::export!(AsksSocket);
