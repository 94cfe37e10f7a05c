// Opens the compare page when a take was sent, and leaves a button on the node for later.
import { app } from "../../scripts/app.js";

const NODES = ["VBenchSendVideo", "VBenchSendImages"];

app.registerExtension({
  name: "vbench.send",
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!NODES.includes(nodeData.name)) return;
    const before = nodeType.prototype.onExecuted;
    nodeType.prototype.onExecuted = function (message) {
      before?.call(this, message);
      const url = message?.compare_url?.[0];
      if (!url) return;
      this.vbenchUrl = url;
      this.vbenchButton ??= this.addWidget("button", "Compare", null, () => window.open(this.vbenchUrl, "vbench"), {
        serialize: false,
      });
      this.vbenchButton.name = `Compare (${message.text?.[0] ?? ""})`;
      if (message.open_page?.[0]) window.open(url, "vbench");
    };
  },
});
