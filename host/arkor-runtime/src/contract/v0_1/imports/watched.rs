//! Environment variables, folders and names of hosts: given as WASI does, and noted if a trainer
//! asks though nothing is granted.

use wasmtime::component::Resource;
use wasmtime_wasi::cli::WasiCliView;
use wasmtime_wasi::filesystem::WasiFilesystemView;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{
    Host as LookupHost, HostResolveAddressStream, ResolveAddressStream,
};
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, Host as NetworkHost, HostNetwork, IpAddress, IpAddressFamily, Network,
};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::bindings::{cli::environment, filesystem::preopens};
use wasmtime_wasi::p2::{DynPollable, SocketError, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsView;

use crate::guest::GuestState;
use crate::sandbox::Denial;

pub(super) struct WatchedView<'a>(pub(super) &'a mut GuestState);

impl environment::Host for WatchedView<'_> {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        if !self.0.grants.environment {
            self.0.denials.record(Denial::Environment);
        }
        environment::Host::get_environment(&mut WasiCliView::cli(self.0))
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl preopens::Host for WatchedView<'_> {
    fn get_directories(
        &mut self,
    ) -> wasmtime::Result<Vec<(Resource<preopens::Descriptor>, String)>> {
        if !self.0.grants.files {
            self.0.denials.record(Denial::Files);
        }
        preopens::Host::get_directories(&mut WasiFilesystemView::filesystem(self.0))
    }
}

impl LookupHost for WatchedView<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> Result<Resource<ResolveAddressStream>, SocketError> {
        if !self.0.grants.capabilities.grants_name(&name) {
            self.0.denials.record(Denial::NameLookup(name));
            return Err(ErrorCode::AccessDenied.into());
        }
        self.0.sockets().resolve_addresses(network, name)
    }
}

impl HostResolveAddressStream for WatchedView<'_> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> Result<Option<IpAddress>, SocketError> {
        self.0.sockets().resolve_next_address(stream)
    }

    fn subscribe(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        self.0.sockets().subscribe(stream)
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        HostResolveAddressStream::drop(&mut self.0.sockets(), stream)
    }
}

impl tcp_create_socket::Host for WatchedView<'_> {
    fn create_tcp_socket(
        &mut self,
        family: IpAddressFamily,
    ) -> Result<Resource<TcpSocket>, SocketError> {
        if !self.0.grants.network {
            self.0.denials.record(Denial::Sockets);
            return Err(ErrorCode::AccessDenied.into());
        }
        self.0.sockets().create_tcp_socket(family)
    }
}

impl udp_create_socket::Host for WatchedView<'_> {
    async fn create_udp_socket(
        &mut self,
        family: IpAddressFamily,
    ) -> Result<Resource<UdpSocket>, SocketError> {
        if !self.0.grants.network {
            self.0.denials.record(Denial::Sockets);
            return Err(ErrorCode::AccessDenied.into());
        }
        self.0.sockets().create_udp_socket(family).await
    }
}

// Name lookup reports its errors in the types of `network`.
impl NetworkHost for WatchedView<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        self.0.sockets().convert_error_code(error)
    }

    fn network_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        self.0.sockets().network_error_code(error)
    }
}

impl HostNetwork for WatchedView<'_> {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        HostNetwork::drop(&mut self.0.sockets(), network)
    }
}
