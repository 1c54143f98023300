# The app for a CPU server or a Space of the Docker kind: docker build -t pti-studio . && docker run -p 7860:7860 pti-studio
FROM python:3.11-slim

# As Hugging Face Spaces run it: not as root.
RUN useradd --create-home --uid 1000 studio
WORKDIR /home/studio/app

COPY requirements-locked.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements-locked.txt

COPY . ./
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

USER studio
ENV HOME=/home/studio GRADIO_SERVER_NAME=0.0.0.0
# Weights are part of the image: it starts without a network.
RUN python -m checkpoints fetch --all-local

EXPOSE 7860
CMD ["pti-studio"]
