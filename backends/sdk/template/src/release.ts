/** The agent's program as this backend pins it. A real one names the package that an image installs. */
export const RELEASE = { package: "tiny-agent", version: "1.0.0", tested: "1.0.x" };
