/** A UTF-8 locale that every installation of the system has; macOS knows no C.UTF-8. */
export const UTF8_LOCALE = process.platform === "darwin" ? "en_US.UTF-8" : "C.UTF-8";
