/** The daemon's own release; what clients gate features on is `envdProtocolVersion`. */
export const version = "0.1.0";
