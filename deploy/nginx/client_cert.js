// The client's certificate as RFC 9440 wants it: its DER in base64 between colons, or nothing.
function clientCert(r) {
  const pem = r.variables.ssl_client_raw_cert;
  return pem ? `:${pem.replace(/-----[^-]+-----|\s/g, "")}:` : "";
}

export default { clientCert };
