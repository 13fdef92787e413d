// Portkey's gateway has no option for the address that it listens on; here it must be this machine's own.
const { Server } = require("node:net");

const { listen } = Server.prototype;
Server.prototype.listen = function (port, host, ...rest) {
  return listen.call(this, port, "127.0.0.1", ...rest);
};
